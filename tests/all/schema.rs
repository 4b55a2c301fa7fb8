//! The JSON schema of suite files against the program: they know the same keys, and every built-in suite keeps to it.

use std::collections::BTreeSet;

use bucketlab::run::suite::{Custom, Group};
use bucketlab::run::{SUITE_SCHEMA, SUITES, Suite};
use bucketlab::workload::{KeyDistribution, Mix, Origin, Pacing, Size};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The keys that a type takes, as it says when it is given one that it does not know.
fn keys<T: DeserializeOwned>() -> BTreeSet<String> {
    let Err(error) = toml::from_str::<T>("no-such-key = 1") else {
        panic!("a key that nothing knows is taken");
    };
    let error = error.to_string();
    let list = error
        .split_once("expected one of ")
        .or(error.split_once("expected "));
    let (_, list) = list.unwrap_or_else(|| panic!("no keys in: {error}"));
    list.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// A key with a size, as workloads have them.
#[derive(Debug, serde::Deserialize)]
struct Sized {
    #[expect(dead_code, reason = "read for its error alone")]
    value: Size,
}

fn known(schema: &Value) -> BTreeSet<String> {
    assert_eq!(schema["additionalProperties"], false, "{schema}");
    let properties = schema["properties"].as_object().expect("properties");
    properties.keys().cloned().collect()
}

#[test]
fn the_schema_has_the_keys_that_suites_have() {
    let schema: Value = serde_json::from_str(SUITE_SCHEMA).unwrap();
    let named = |name: &str| &schema["$defs"][name];
    for (schema, keys) in [
        (&schema, keys::<Suite>()),
        (named("group"), keys::<Group>()),
        (named("workload"), keys::<Custom>()),
        (named("origin"), keys::<Origin>()),
        (named("pace"), keys::<Pacing>()),
        (named("keys"), keys::<KeyDistribution>()),
        (named("mix"), keys::<Mix>()),
    ] {
        assert_eq!(known(schema), keys);
    }
    let law = &named("size")["oneOf"][1];
    let in_suite = |value: &str| format!("value = {value}");
    let error = toml::from_str::<Sized>(&in_suite("{ no-such-key = 1 }")).unwrap_err();
    for key in known(law) {
        assert!(
            error.to_string().contains(&format!("`{key}`")),
            "{key}: {error}"
        );
    }
}

/// Whether a value has one of the types, and the keys, that the schema asks for; where it does not, what is wrong.
fn against(schema: &Value, root: &Value, value: &Value, place: &str) -> Result<(), String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return against(&root["$defs"][name], root, value, place);
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let tried: Vec<_> = choices
            .iter()
            .map(|choice| against(choice, root, value, place))
            .collect();
        return match tried.iter().filter(|one| one.is_ok()).count() {
            0 => Err(format!("{place}: {tried:?}")),
            _ => Ok(()),
        };
    }
    if let Some(words) = schema["enum"].as_array() {
        let is_one = words.contains(value);
        return is_one
            .then_some(())
            .ok_or(format!("{place}: {value} is none of {words:?}"));
    }
    let kind = match value {
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Bool(_) => "boolean",
        Value::Array(_) => "array",
        Value::Object(_) | Value::Null => "object",
    };
    let allows = |allowed: &Value| allowed == kind || (allowed == "number" && kind == "integer");
    let allowed = match &schema["type"] {
        Value::Array(all) => all.iter().any(allows),
        one => allows(one),
    };
    if !allowed {
        return Err(format!(
            "{place}: a {kind} where {} is wanted",
            schema["type"]
        ));
    }
    for (at, item) in value.as_array().into_iter().flatten().enumerate() {
        against(&schema["items"], root, item, &format!("{place}[{at}]"))?;
    }
    for (key, item) in value.as_object().into_iter().flatten() {
        let wanted = match (&schema["properties"][key], &schema["additionalProperties"]) {
            (Value::Null, Value::Object(_)) => &schema["additionalProperties"],
            (Value::Null, _) => return Err(format!("{place}: unknown key '{key}'")),
            (known, _) => known,
        };
        against(wanted, root, item, &format!("{place}.{key}"))?;
    }
    Ok(())
}

#[test]
fn every_built_in_suite_keeps_to_the_schema() {
    let schema: Value = serde_json::from_str(SUITE_SCHEMA).unwrap();
    for (name, text) in SUITES {
        let suite: Value = toml::from_str(text).unwrap();
        against(&schema, &schema, &suite, name).unwrap();
    }
    for (broken, says) in [
        ("latency = 1", "boolean"),
        ("oversize = 'drop'", "none of"),
        ("treads = 2", "unknown key 'treads'"),
        ("[workload.x]\nmix = { got = 1 }", "unknown key 'got'"),
    ] {
        let suite: Value = toml::from_str(broken).unwrap();
        let error = against(&schema, &schema, &suite, "suite").unwrap_err();
        assert!(error.contains(says), "{error}");
    }
}
