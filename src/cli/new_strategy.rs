//! `bucketlab new-strategy`: a crate with a table of one's own, which builds and runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::args::NewStrategy;
use super::house::House;
use super::output;
use crate::base::BadInput;

/// The files of the crate, with the table's name as `my-table` and its type as `MyTable`.
const FILES: [(&str, &str); 3] = [
    ("Cargo.toml", include_str!("template/Cargo.toml.txt")),
    ("src/main.rs", include_str!("template/main.rs.txt")),
    ("src/table.rs", include_str!("template/table.rs.txt")),
];

/// Where the library is that this program was built from.
const LIBRARY: &str = env!("CARGO_MANIFEST_DIR");

pub(super) fn new_strategy(house: House<'_>, args: &NewStrategy) -> anyhow::Result<ExitCode> {
    let name = args.name.as_str();
    check(name)?;
    if house.rows.iter().any(|row| row.name == name) {
        return Err(BadInput(format!(
            "there is a strategy '{name}' already: give another name"
        ))
        .into());
    }
    let folder = args.path.clone().unwrap_or_else(|| PathBuf::from(name));
    written(&folder, name).map_err(|error| {
        BadInput(format!(
            "the crate cannot be written to '{}': {error}; give a directory that is not there",
            folder.display()
        ))
    })?;
    if !Path::new(LIBRARY).is_dir() {
        output::complain(
            "note: the sources that this program was built from are not here; put their path into Cargo.toml\n",
        );
    }
    output::print(&format!(
        "Its table is in src/table.rs. In {}:\n  cargo run --profile edit -- verify {name}\n  cargo run \
         --profile edit -- run -t {name} -t striped\n  cargo run --release -- run -t {name} -t striped   \
         figures for others\n",
        folder.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// A name of a strategy is one of a crate too: small letters, digits and single hyphens, a letter first.
fn check(name: &str) -> Result<(), BadInput> {
    let parts = || name.split('-');
    let is_part = |part: &str| {
        let mut bytes = part.bytes();
        !part.is_empty() && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    if name.starts_with(|first: char| first.is_ascii_lowercase()) && parts().all(is_part) {
        Ok(())
    } else {
        Err(BadInput(format!(
            "'{name}' is no name for a strategy: small letters, digits and single hyphens are, a letter \
             first, as in my-table"
        )))
    }
}

/// `my-table` as a type: `MyTable`.
fn type_name(name: &str) -> String {
    let parts = name.split('-').map(|part| {
        let (first, rest) = part.split_at(1);
        first.to_ascii_uppercase() + rest
    });
    parts.collect()
}

fn written(folder: &Path, name: &str) -> std::io::Result<()> {
    // The last part must be new, so that nothing of anybody's is overwritten.
    if let Some(parent) = folder.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::create_dir(folder)?;
    fs::create_dir(folder.join("src"))?;
    let library = toml::Value::String(LIBRARY.to_owned());
    for (file, text) in FILES {
        let text = text
            .replace("my-table", name)
            .replace("MyTable", &type_name(name))
            .replace("BUCKETLAB", &format!("{{ path = {library} }}"));
        fs::write(folder.join(file), text)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_crates() {
        for name in ["a", "my-table", "hopscotch2", "a-1"] {
            assert!(check(name).is_ok(), "{name}");
        }
        for name in ["", "My", "1a", "a_b", "a--b", "-a", "a-", "a b", "ä"] {
            assert!(check(name).is_err(), "{name}");
        }
        assert_eq!(type_name("my-2nd-table"), "My2ndTable");
    }
}
