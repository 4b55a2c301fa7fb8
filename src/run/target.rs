//! What a cell runs against: a table in its child, a strategy behind our own protocol, or a server.

use crate::base::{BadInput, Params, Spec, expand_sweeps, split_targets};
use crate::catalog::{self, Row};
use crate::drive::{Server, Way};

/// What a cell runs against.
#[derive(Clone, Debug)]
pub enum Target<'r> {
    /// A table in the child itself.
    Table {
        /// The strategy.
        row: &'r Row,
        /// Its parameters.
        params: Params,
    },
    /// A strategy of ours, behind our own protocol.
    Served {
        /// The strategy.
        row: &'r Row,
        /// Its parameters.
        params: Params,
        /// How requests reach it.
        server: Server,
    },
    /// A server that is none of ours, or the control of servers.
    Server(Server),
}

impl<'r> Target<'r> {
    /// The targets of a text: several stand with commas between, and values of parameters may be sweeps.
    ///
    /// # Errors
    /// The part that names no target, with what would be valid.
    pub fn read_all(rows: &'r [Row], text: &str) -> Result<Vec<Target<'r>>, BadInput> {
        let mut targets = Vec::new();
        for text in split_targets(text) {
            match Server::read(&text)? {
                None => {
                    for spec in expand_sweeps(&text)? {
                        targets.push(Target::of_table(rows, &spec)?);
                    }
                }
                Some((server, None)) => targets.push(Target::Server(server)),
                Some((server, Some(strategy))) => {
                    for spec in expand_sweeps(strategy)? {
                        targets.push(Target::behind(rows, &server, &spec)?);
                    }
                }
            }
        }
        Ok(targets)
    }

    /// The table that a spec names.
    ///
    /// # Errors
    /// Like [`catalog::resolve`].
    pub fn of_table(rows: &'r [Row], spec: &Spec) -> Result<Target<'r>, BadInput> {
        let (row, params) = catalog::resolve(rows, spec)?;
        Ok(Target::Table { row, params })
    }

    fn behind(rows: &'r [Row], server: &Server, spec: &Spec) -> Result<Target<'r>, BadInput> {
        let (row, params) = catalog::resolve(rows, spec)?;
        if row.control {
            let name = row.name;
            return Err(BadInput(format!(
                "target '{}:{name}': {name} stores nothing, so it cannot be served; the control of servers is \
                 null-server",
                server.kind()
            )));
        }
        let server = server.clone();
        Ok(Target::Served {
            row,
            params,
            server,
        })
    }

    /// The strategy and its parameters, where it is a table in the child: only such are checked before the run, make
    /// promises that are recorded, and take time for the hash that can be told.
    #[must_use]
    pub fn table(&self) -> Option<(&'r Row, &Params)> {
        match self {
            Target::Table { row, params } => Some((row, params)),
            Target::Served { .. } | Target::Server(_) => None,
        }
    }

    /// The strategy and its parameters, behind a server or not; `None` where the entries are not ours.
    #[must_use]
    pub fn strategy(&self) -> Option<(&'r Row, &Params)> {
        match self {
            Target::Table { row, params } | Target::Served { row, params, .. } => {
                Some((row, params))
            }
            Target::Server(_) => None,
        }
    }

    /// The server that operations go to, where they do.
    #[must_use]
    pub fn server(&self) -> Option<&Server> {
        match self {
            Target::Table { .. } => None,
            Target::Served { server, .. } | Target::Server(server) => Some(server),
        }
    }

    /// Whether it is a server that is there already: it is one alone, however many cells ask it.
    #[must_use]
    pub fn is_there_already(&self) -> bool {
        matches!(self, Target::Server(Server::There(..)))
    }

    /// Whether it is a control: drawn as the floor, never ranked.
    #[must_use]
    pub fn control(&self) -> bool {
        match self {
            Target::Table { row, .. } | Target::Served { row, .. } => row.control,
            Target::Server(server) => server.is_control(),
        }
    }

    /// Whether it is a map or a server of others.
    #[must_use]
    pub fn peer(&self) -> bool {
        match self {
            Target::Table { row, .. } | Target::Served { row, .. } => row.peer,
            Target::Server(server) => !server.is_control(),
        }
    }

    /// What it is without parameters and addresses: `striped`, `served:striped`, `memcached`.
    #[must_use]
    pub fn kind(&self) -> String {
        match self {
            Target::Table { row, .. } => row.name.to_owned(),
            Target::Served { row, server, .. } => format!("{}:{}", server.kind(), row.name),
            Target::Server(server) => server.kind().to_owned(),
        }
    }

    /// The target as people read it: defaults left out.
    #[must_use]
    pub fn short(&self) -> String {
        self.written(Params::short)
    }

    /// The target with every parameter.
    #[must_use]
    pub fn full(&self) -> String {
        self.written(Params::full)
    }

    fn written(&self, params_of: impl Fn(&Params) -> String) -> String {
        match self {
            Target::Table { params, .. } => params_of(params),
            Target::Served { params, server, .. } => {
                let (kind, suffix) = (server.kind(), server.suffix());
                format!("{kind}:{}{suffix}", params_of(params))
            }
            Target::Server(server) => server.to_string(),
        }
    }

    /// Index of its colour and marker in charts. A strategy has another behind each kind of server than in process.
    #[must_use]
    pub fn look(&self, rows: &[Row]) -> u32 {
        let (own, behind) = match self {
            Target::Table { row, .. } => (catalog::look_of(rows, row), 0),
            Target::Served { row, server, .. } => (catalog::look_of(rows, row), past(server)),
            Target::Server(server) => (server.look().unwrap_or(0), 0),
        };
        own.saturating_add(behind)
    }
}

/// By how many looks of served strategies lie behind those in process, of which there are less than 60. Each kind of server turns colours by another
/// number of places, so that one strategy has a colour of its own behind each.
fn past(server: &Server) -> u32 {
    match server {
        Server::Served(Way::Tcp, _) => 70,
        Server::Served(Way::Unix, _) => 131,
        Server::Served(Way::Parsed, _) => 193,
        Server::There(..) | Server::Started(..) | Server::Null => 0,
    }
}

/// What a run is named after that has this target: the strategy, or the kind of server. Texts that name no target stay
/// as they are up to their parameters.
pub(super) fn name_of(text: &str) -> String {
    let strategy = |text: &str| text.split(':').next().unwrap_or(text).to_owned();
    match Server::read(text) {
        Ok(Some((server, Some(served)))) => format!("{}-{}", server.kind(), strategy(served)),
        Ok(Some((server, None))) => server.kind().to_owned(),
        Ok(None) | Err(_) => strategy(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::ROWS;
    use std::collections::BTreeSet;

    fn one(text: &str) -> Target<'static> {
        let mut all = Target::read_all(ROWS, text).unwrap();
        assert_eq!(all.len(), 1, "{text}");
        all.remove(0)
    }

    #[test]
    fn tables_served_strategies_and_servers_are_told_apart() {
        // Text, kind, control, peer, whether it is a table in the child, whether its entries are in a strategy.
        for (text, kind, control, peer, table, strategy) in [
            ("striped", "striped", false, false, true, true),
            ("papaya", "papaya", false, true, true, true),
            ("null", "null", true, false, true, true),
            (
                "served:striped",
                "served:striped",
                false,
                false,
                false,
                true,
            ),
            ("parsed:papaya", "parsed:papaya", false, true, false, true),
            ("start:memcached", "memcached", false, true, false, false),
            ("redis://localhost", "redis", false, true, false, false),
            ("null-server", "null-server", true, false, false, false),
        ] {
            let target = one(text);
            assert_eq!(target.kind(), kind);
            assert_eq!((target.control(), target.peer()), (control, peer), "{text}");
            assert_eq!(target.table().is_some(), table, "{text}");
            assert_eq!(target.strategy().is_some(), strategy, "{text}");
            assert_eq!(target.server().is_none(), table, "{text}");
        }
    }

    #[test]
    fn defaults_are_left_out_behind_a_server_too() {
        let target = one("served-unix:striped:buckets=2^10,stripes=4?proto=meta");
        assert_eq!(target.short(), "served-unix:striped:stripes=4?proto=meta");
        let full = target.full();
        assert!(
            full.starts_with("served-unix:striped:buckets=2^10,"),
            "{full}"
        );
        assert!(full.ends_with("?proto=meta"), "{full}");
        assert_eq!(
            one("redis://localhost").short(),
            "redis://localhost:6379",
            "an address is never left out"
        );
    }

    #[test]
    fn lists_and_sweeps_reach_through_to_the_strategy() {
        let all = |text: &str| -> Vec<String> {
            let targets = Target::read_all(ROWS, text).unwrap();
            targets.iter().map(Target::short).collect()
        };
        assert_eq!(
            all("served:striped:stripes=[2,4],fixed,start:memcached"),
            [
                "served:striped:stripes=2",
                "served:striped:stripes=4",
                "fixed",
                "start:memcached"
            ]
        );
        assert_eq!(
            all("memcached://localhost:1,localhost:2,null-server"),
            ["memcached://localhost:1,localhost:2", "null-server"]
        );
    }

    #[test]
    fn what_cannot_be_a_target_is_named() {
        for (text, word) in [
            ("served:strpied", "did you mean 'striped'"),
            ("served:striped:stirpes=4", "did you mean 'stripes'"),
            ("served:null", "null-server"),
            ("start:memcahced", "did you mean 'memcached'"),
            ("http://localhost", "memcached://"),
        ] {
            let error = Target::read_all(ROWS, text).unwrap_err();
            assert!(error.0.contains(word), "{text}: {error}");
        }
    }

    #[test]
    fn no_two_kinds_of_target_look_alike() {
        let mut texts: Vec<String> = ["start:memcached", "start:redis-server", "null-server"]
            .map(str::to_owned)
            .to_vec();
        texts.extend(["memcached://localhost", "redis://localhost"].map(str::to_owned));
        for row in ROWS {
            texts.push(row.name.to_owned());
            if !row.control {
                for way in ["served", "served-unix", "parsed"] {
                    texts.push(format!("{way}:{}", row.name));
                }
            }
        }
        let looks: BTreeSet<u32> = texts.iter().map(|text| one(text).look(ROWS)).collect();
        assert_eq!(looks.len(), texts.len());
        // Charts have so many styles before one comes again.
        assert!(looks.last().is_some_and(|last| *last < 280));
        let colours = [
            "striped",
            "served:striped",
            "served-unix:striped",
            "parsed:striped",
        ];
        let colours: BTreeSet<u32> = colours.map(|text| one(text).look(ROWS) % 8).into();
        assert_eq!(colours.len(), 4, "one strategy has a colour behind each");
    }

    #[test]
    fn runs_are_named_after_what_is_served() {
        for (text, name) in [
            ("fixed:buckets=4", "fixed"),
            ("start:redis-server", "redis-server"),
            ("memcached://localhost:1,localhost:2", "memcached"),
            ("served:striped:stripes=4", "served-striped"),
            ("start:nothing", "start"),
        ] {
            assert_eq!(name_of(text), name);
        }
    }
}
