//! The life of a child whose operations go to a server: start or reach it, fill it, serve slices, leave it as it was.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail};

use super::client::{Client, How};
use super::control::Control;
use super::load::{Load, Unreachable};
use super::null_server::NullServer;
use super::ring::Ring;
use super::side::{Before, Place, Side};
use super::socket::Socket;
use super::start::{Wanted, cpus_left, program, served};
use super::target::{Address, Protocol, Server, Way};
use crate::base::{Params, Worker, counted};
use crate::bench::{
    Beside, CensusReply, Checks, Chunks, Feed, Finished, Memory, Open, Opened, Pipe, Reply,
    Request, Stamps, Tally, load_feeds, slices,
};
use crate::hash::{self, Hasher};
use crate::machine;
use crate::serve;
use crate::table::Kind;
use crate::wire::client::Dialect;
use crate::workload::{Kind as OpKind, Prefill, Segment, Size, Stream, VALUE_BYTES_MAX};

/// Room for items that a server is given for each byte of payload where the workload states no budget: headers,
/// size classes that are not filled, and what grows.
const TIMES_PAYLOAD: u64 = 3;

/// The least room for items, in bytes.
const LEAST_ROOM: u64 = 64 << 20;

/// Serves slices of a server until the parent closes the pipe. `strategy` is the one behind our own server, with
/// its parameters; `executable` is the program that serves it.
///
/// # Errors
/// Whatever keeps the server from giving figures; the caller passes the reason on to the parent.
pub fn child(
    open: &Open,
    strategy: Option<(&Kind, &Params)>,
    executable: &Path,
    pipe: &mut dyn Pipe,
) -> anyhow::Result<()> {
    open.heap.settle().map_err(anyhow::Error::msg)?;
    let text = open.server.as_deref().context("no server is named")?;
    let text = named(text);
    let (server, _) = Server::read(&text)?.with_context(|| format!("'{text}' names no server"))?;
    let setting = Setting {
        open,
        server,
        strategy,
        executable,
    };
    // The control has both ends of its connections in this process.
    let servers = match &setting.server {
        Server::There(_, addresses) => addresses.len(),
        _ => 2,
    };
    machine::raise_descriptors(setting.connections() * servers);
    let mut pin_offset = open.pin_offset as usize;
    loop {
        let Some(finished) = setting.pass(pin_offset, pipe)? else {
            return Ok(());
        };
        pipe.reply(&Reply::Finished(Box::new(finished)))?;
        match pipe.next()? {
            Some(Request::Renew) => pin_offset += 1,
            None => return Ok(()),
            Some(other) => bail!("unexpected request: {other:?}"),
        }
    }
}

/// A way to serve has its strategy in fields of its own, so that its name here is only the way.
fn named(text: &str) -> String {
    let way = text.split('?').next().unwrap_or(text);
    if ["served", "served-unix", "parsed"].contains(&way) {
        let options = &text[way.len()..];
        return format!("{way}:-{options}");
    }
    text.to_owned()
}

/// What all passes have in common.
struct Setting<'o> {
    open: &'o Open,
    server: Server,
    strategy: Option<(&'o Kind, &'o Params)>,
    executable: &'o Path,
}

impl Setting<'_> {
    /// One pass, with a server of its own where it is started here; `None` when the parent has closed the pipe.
    fn pass(&self, pin_offset: usize, pipe: &mut dyn Pipe) -> anyhow::Result<Option<Finished>> {
        let cpus = cpus_left(self.open.threads, pin_offset);
        let wanted = self.wanted(&cpus);
        let run = (pin_offset, cpus.as_slice());
        match &self.server {
            Server::There(_, addresses) => {
                if self.open.workload.budget.is_some() {
                    bail!(
                        "a server that is there already has its own budget; start:memcached and served: take one"
                    );
                }
                self.work(&Place::Servers(addresses.clone(), None), run, pipe)
            }
            Server::Started(started, _) => {
                let running = program(started, &wanted)?;
                let addresses = vec![running.address.clone()];
                self.work(&Place::Servers(addresses, Some(&running)), run, pipe)
            }
            Server::Served(Way::Parsed, _) => {
                let (kind, params) = self.strategy()?;
                let hasher = Hasher::new(hash::find(&self.open.hash)?, self.open.hash_seed);
                let options = self.options(&wanted);
                serve::without_sockets(kind, params, hasher, &options, |spoken| {
                    self.work(&Place::Parsed(spoken), run, pipe)
                })
            }
            Server::Served(way, _) => {
                let (_, params) = self.strategy()?;
                let spec = params.short();
                let running = served(self.executable, (&spec, &self.open.hash), *way, &wanted)?;
                let addresses = vec![running.address.clone()];
                self.work(&Place::Servers(addresses, Some(&running)), run, pipe)
            }
            Server::Null => {
                let value = self.open.workload.value.planned() as usize;
                let null = NullServer::start(value, &cpus)?;
                self.work(&Place::Control(null.addresses()), run, pipe)
            }
        }
    }

    fn strategy(&self) -> anyhow::Result<(&Kind, &Params)> {
        self.strategy.context("no strategy is named to be served")
    }

    fn wanted<'w>(&self, cpus: &'w [usize]) -> Wanted<'w> {
        let workload = &self.open.workload;
        let entries = workload.entries
            + workload
                .ops
                .filter(|_| !workload.keeps_key_set())
                .unwrap_or(0);
        let payload = entries.saturating_mul(workload.planned_bytes(None) + 64);
        let room = payload.saturating_mul(TIMES_PAYLOAD).max(LEAST_ROOM);
        Wanted {
            memory: workload.budget.map_or(room, |budget| budget.0),
            largest: self.largest_value(),
            connections: self.connections(),
            cpus,
            evicts: workload.budget.is_some(),
        }
    }

    /// Bytes of the largest value; the limit of an item where only its law is known, or a trace's sizes.
    fn largest_value(&self) -> u64 {
        let workload = &self.open.workload;
        u64::from(match workload.value {
            Size::Fixed(bytes) | Size::Uniform { max: bytes, .. } if workload.trace.is_none() => {
                bytes
            }
            _ => VALUE_BYTES_MAX,
        })
    }

    /// What our own server would be started with.
    fn options(&self, wanted: &Wanted<'_>) -> serve::Options {
        serve::Options {
            listen: Vec::new(),
            unix: None,
            threads: self.open.threads as usize + 1,
            memory_bytes: wanted.memory,
            evict: wanted.evicts,
            connections: wanted.connections,
            item_max: 1 << 30,
            requests_per_event: 1000,
            backlog: 1,
            idle_timeout: 0,
            verbosity: 0,
            shutdown_enabled: false,
            flush_enabled: false,
            dump_enabled: false,
            user: None,
            hash: self.open.hash.clone(),
        }
    }

    /// Connections over all threads: at least one each.
    fn connections(&self) -> usize {
        self.open.workload.connections.max(self.open.threads) as usize
    }

    fn dialect(&self) -> Dialect {
        match self.server.protocol() {
            Protocol::Classic => Dialect::Classic,
            Protocol::Meta => Dialect::Meta,
            Protocol::Resp => Dialect::Resp,
        }
    }

    /// Fills the server, serves the slices of the pass, and takes away what was stored where the server stays.
    fn work(
        &self,
        place: &Place<'_>,
        run: (usize, &[usize]),
        pipe: &mut dyn Pipe,
    ) -> anyhow::Result<Option<Finished>> {
        let stays = matches!(self.server, Server::There(..));
        let ring = match place {
            Place::Servers(addresses, _) => Ring::new(addresses),
            Place::Parsed(_) | Place::Control(_) => Ring::of_one(),
        };
        let side = Side::new(place, self.dialect(), &ring, self.open.threads)?;
        let before = side.begin(self.open.overwrite && stays)?;
        let worked = self.fill_and_slice((place, &ring), (&side, before), run, pipe);
        if let (true, Place::Servers(addresses, _)) = (stays, place) {
            // After a failure too, and then without a word: the failure is what is told.
            let left = self.remove_all(&ring, addresses);
            if worked.is_ok() {
                left.context("what was stored could not be removed")?;
            }
        }
        worked
    }

    fn fill_and_slice(
        &self,
        to: (&Place<'_>, &Ring),
        (side, before): (&Side<'_>, Before),
        (pin_offset, cpus): (usize, &[usize]),
        pipe: &mut dyn Pipe,
    ) -> anyhow::Result<Option<Finished>> {
        let open = self.open;
        let feeds = load_feeds(open)?;
        let pass_ops = feeds.iter().map(Feed::pass_ops).sum();
        let filled = self.filled(side, before)?;
        let at_start = side.holds()?;
        // What an eviction has taken misses, whatever was known of it.
        let evicts = open.workload.budget.is_some() || at_start.evicted > before.holds.evicted;
        pipe.reply(&Reply::Opened(Box::new(Opened {
            pass_ops,
            filled: filled.clone(),
            server: Some(side.facts(cpus)?),
        })))?;
        let uncounted = AtomicBool::new(evicts || self.server.is_control());
        let make = |index| self.load(to, index, evicts, &uncounted);
        let resident = || Some(side.resident()?.saturating_sub(before.resident?));
        let count = |balance| {
            if uncounted.load(Ordering::Relaxed) {
                return Ok(());
            }
            let items = side.holds()?.items;
            if at_start.items.checked_add_signed(balance) != Some(items) {
                bail!(
                    "the server holds {}: by the outcomes, {} at the start and {balance:+} since",
                    counted(items, "entry"),
                    at_start.items
                );
            }
            Ok(())
        };
        let beside = Beside {
            count: &count,
            resident: &resident,
            cpu_ns: &|| side.cpu_ns(),
            explain: &|why| match side.holds() {
                Ok(now) if now.evicted > at_start.evicted => {
                    let evicted = counted(now.evicted - at_start.evicted, "entry");
                    format!(
                        "{why}; the server has evicted {evicted} meanwhile: give it more memory"
                    )
                }
                _ => why,
            },
        };
        let Some((_, feeds)) = slices(make, &beside, pin_offset, false, feeds, pipe)? else {
            return Ok(None);
        };
        drop(feeds);
        let payload = filled.map_or([0; 2], |(_, census)| [census.bytes[0], census.bytes[1]]);
        Ok(Some(Finished {
            memory: side.memory(before),
            census: side.census(before, payload)?,
            marks: Vec::new(),
            marks_dropped: 0,
        }))
    }

    /// The prefill, where the workload has one: entries are counted, and memory is read.
    fn filled(
        &self,
        side: &Side<'_>,
        before: Before,
    ) -> anyhow::Result<Option<(Memory, CensusReply)>> {
        let workload = &self.open.workload;
        if !workload.prefill {
            return Ok(None);
        }
        let payload = side.prefill(workload)?;
        let now = side.holds()?;
        let was_empty = before.holds.items == 0 && !self.server.is_control();
        if was_empty && now.items != workload.entries && now.evicted == before.holds.evicted {
            let wanted = counted(workload.entries, "entry");
            bail!(
                "after the prefill the server holds {} of {wanted}",
                now.items
            );
        }
        Ok(Some((side.memory(before), side.census(before, payload)?)))
    }

    /// The load of one thread.
    fn load<'p>(
        &self,
        (place, ring): (&'p Place<'p>, &Ring),
        index: u32,
        evicts: bool,
        uncounted: &'p AtomicBool,
    ) -> Box<dyn Chunks + 'p> {
        let made = self.client((place, ring), index, evicts);
        match made {
            Ok(client) => Box::new(Load { client, uncounted }),
            Err(error) => Box::new(Unreachable(format!("{error:#}"), Tally::default())),
        }
    }

    fn client<'p>(
        &self,
        (place, ring): (&'p Place<'p>, &Ring),
        index: u32,
        evicts: bool,
    ) -> anyhow::Result<Client<'p>> {
        let (threads, all) = (self.open.threads as usize, self.connections());
        let own = all / threads + usize::from((index as usize) < all % threads);
        let mut sockets = Vec::new();
        for number in 0..own {
            match place {
                Place::Servers(addresses, _) => {
                    for (server, address) in addresses.iter().enumerate() {
                        sockets.push((Socket::connect(address)?, server));
                    }
                }
                Place::Control(addresses) => {
                    let address = &addresses[(index as usize + number) % addresses.len()];
                    sockets.push((Socket::connect(address)?, 0));
                }
                Place::Parsed(spoken) => {
                    sockets.push((
                        Socket::Parsed(Box::new(spoken.voice(index)), Vec::new(), 0),
                        0,
                    ));
                }
            }
        }
        let who = Worker {
            index,
            of: self.open.threads,
        };
        let checked = !self.server.is_control();
        let how = How {
            dialect: self.dialect(),
            batch: self.open.workload.batch as usize,
            depth: self.open.workload.depth as usize,
        };
        let checks = Checks {
            outcomes: checked,
            evicts,
            tally: Tally::default(),
        };
        Client::new(
            how,
            sockets,
            ring.clone(),
            (Stamps::new(who, checked), checks),
        )
    }

    /// Takes away every key that the workload may have stored.
    fn remove_all(&self, ring: &Ring, addresses: &[Address]) -> anyhow::Result<()> {
        let mut control = Control::connect(self.dialect(), addresses, ring)?;
        let workload = &self.open.workload;
        let mut failed = Ok(());
        Prefill::new(workload).for_each(|key, _| {
            if failed.is_ok() {
                failed = control.remove(key);
            }
        });
        failed?;
        if !workload.keeps_key_set() {
            for thread in 0..self.open.threads {
                let mut stream = Stream::open(workload, self.open.seed, thread, self.open.threads)?;
                let mut segment = Segment::default();
                loop {
                    stream.refill(&mut segment)?;
                    if segment.ops.is_empty() {
                        break;
                    }
                    for op in segment.ops.iter().filter(|op| op.kind != OpKind::Get) {
                        control.remove(segment.key(op))?;
                    }
                }
            }
        }
        control.finish()
    }
}
