//! More threads than cores: their rates are there, or it is said why not, and they are named as crowding.

use std::process::Command;

use serde_json::Value;

#[test]
fn more_threads_than_cores_have_rates_and_are_called_crowded() {
    let out = tempfile::tempdir().unwrap();
    let cores = std::thread::available_parallelism().unwrap().get();
    let crowded = (8 * cores).to_string();
    let run = Command::new(env!("CARGO_BIN_EXE_bucketlab"))
        .args(
            "run --no-verify -w ycsb-c -t striped --entries 1000 --time 0.2 --format json --threads"
                .split(' '),
        )
        .arg(format!("1,{crowded}"))
        .arg("--out")
        .arg(out.path())
        .output()
        .expect("it starts");
    let json: Value = serde_json::from_slice(&run.stdout).unwrap();
    let run_directory = std::fs::read_dir(out.path()).unwrap().next().unwrap();
    let report = Command::new(env!("CARGO_BIN_EXE_bucketlab"))
        .args(["report", "--text"])
        .arg(run_directory.unwrap().path())
        .env("COLUMNS", "200")
        .output()
        .expect("it starts");
    let text = String::from_utf8(report.stdout).unwrap();
    let panels = json["panels"].as_array().unwrap();
    assert_eq!(panels[0]["crowded_on_cores"], Value::Null);
    assert_eq!(panels[1]["crowded_on_cores"], cores);
    let words = format!("{crowded} threads on {cores} core");
    assert!(text.contains(&words), "{text}");
    // Where others use the cores at the same time, a cell may get no rate: that is an error, with its reason.
    let cells: Vec<&Value> = panels
        .iter()
        .flat_map(|panel| panel["cells"].as_array().unwrap())
        .collect();
    assert_eq!(cells.len(), 6);
    let failed = cells
        .iter()
        .filter(|cell| cell["verdict"] == "error")
        .count();
    assert_eq!(run.status.success(), failed == 0, "{text}");
    for cell in cells {
        let has_rate = cell["ops_per_s"].is_object();
        assert_eq!(has_rate, cell["error"].is_null(), "{cell}");
    }
    for cell in panels[1]["cells"].as_array().unwrap() {
        let Some(share) = cell["thread_share"].as_object() else {
            assert_eq!(cell["verdict"], "error", "{cell}");
            continue;
        };
        let fair = 1.0 / (8.0 * f64::from(u32::try_from(cores).unwrap()));
        let [slowest, fastest] = ["slowest", "fastest"].map(|end| share[end].as_f64().unwrap());
        assert!(
            slowest <= fair && fair <= fastest && fastest < 1.0,
            "{cell}"
        );
    }
}
