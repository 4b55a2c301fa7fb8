//! Sweeps: plans, tasks that run once, and merges that do not depend on the order of what is merged.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use bucketlab::record::{Manifest, Records, Status};
use serde_json::Value;

/// What all of these run: four panels, one of them of passes.
const SWEEP: &[&str] = &[
    "-t",
    "fixed,striped",
    "-w",
    "ycsb-c,fill",
    "--entries",
    "500",
    "--trials",
    "4",
    "--threads",
    "1,2",
];

fn bucketlab(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bucketlab"));
    command.args(arguments);
    command
}

fn output(arguments: &[&str]) -> Output {
    bucketlab(arguments).output().expect("it starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[track_caller]
fn exits(arguments: &[&str], code: i32, words: &[&str]) -> Output {
    let output = output(arguments);
    let said = said(&output);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
    for word in words {
        assert!(
            said.contains(word),
            "{arguments:?}: '{word}' is not in: {said}"
        );
    }
    output
}

/// The arguments of `run` for a part of the sweep, into a directory.
fn part<'a>(out: &'a Path, of_part: &[&'a str]) -> Vec<&'a str> {
    let disturbed = ["--max-disturbed", "100%", "--no-verify", "--quiet"];
    let out = ["--out", out.to_str().unwrap()];
    [&["run"], SWEEP, &disturbed, &out, of_part].concat()
}

fn tasks(more: &[&str]) -> Vec<Value> {
    let arguments = [&["plan"], SWEEP, more, &["--format", "json"]].concat();
    let planned = exits(&arguments, 0, &[]);
    serde_json::from_slice(&planned.stdout).unwrap()
}

fn id(task: &Value) -> String {
    task["id"].as_str().unwrap().to_owned()
}

fn name(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn cells(manifest: &Manifest) -> Vec<(u32, String, String)> {
    let cells = manifest.cells.iter();
    cells
        .map(|cell| (cell.panel, cell.cell_id.clone(), cell.target.clone()))
        .collect()
}

/// All files below a directory.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                all.insert(
                    path.strip_prefix(root).unwrap().to_owned(),
                    fs::read(&path).unwrap(),
                );
            }
        }
    }
    all
}

fn copied(from: &Path, to: &Path) {
    for (file, bytes) in files(from) {
        let path = to.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}

fn replaced(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).unwrap();
    let at = text.find(from).expect(from);
    let end = at + text[at..].find('\n').unwrap();
    fs::write(file, format!("{}{to}{}", &text[..at], &text[end..])).unwrap();
}

#[test]
fn a_plan_names_tasks_that_run_takes() {
    let planned = tasks(&[]);
    assert_eq!(planned.len(), 4);
    let ids: BTreeSet<String> = planned.iter().map(id).collect();
    assert_eq!(ids.len(), 4);
    for task in &planned {
        let arguments: Vec<&str> = task["arguments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|a| a.as_str().unwrap())
            .collect();
        assert_eq!(arguments[0], "run");
        assert_eq!(arguments[arguments.len() - 2..], ["--task", &id(task)]);
        let panels = task["panels"].as_array().unwrap();
        assert_eq!(panels.len(), 1);
        assert_eq!(task["cores"], panels[0]["threads"]);
        assert!(task["memory_bytes"].as_u64().unwrap() > 1 << 20);
        assert!(task["seconds"].as_f64().unwrap() > 0.0);
        let dry = output(&[&arguments[..], &["--dry-run"]].concat());
        let text = String::from_utf8(dry.stdout).unwrap();
        assert!(
            dry.status.success() && text.contains("in 1 panel"),
            "{text}"
        );
    }
    // Time is no part of what a panel is.
    assert_eq!(
        tasks(&["--time", "9"])
            .iter()
            .map(id)
            .collect::<BTreeSet<_>>(),
        ids
    );
    let shared = tasks(&["--tasks", "3"]);
    assert_eq!(shared.len(), 3);
    let all: Vec<&Value> = shared
        .iter()
        .flat_map(|task| task["panels"].as_array().unwrap())
        .collect();
    let of_shares: BTreeSet<String> = all.iter().map(|panel| id(panel)).collect();
    assert_eq!((all.len(), of_shares), (4, ids));
    assert!(
        shared[2]["command"]
            .as_str()
            .unwrap()
            .ends_with("--shard 3/3")
    );
    let table = String::from_utf8(output(&[&["plan"], SWEEP].concat()).stdout).unwrap();
    assert!(
        table.contains("4 tasks of 4 panels") && table.contains(&id(&planned[0])),
        "{table}"
    );
    exits(&["plan", "--tasks", "0"], 2, &["--tasks 0 is not valid"]);
    exits(&["plan", "--trace", "-"], 2, &["standard input"]);
    exits(&["plan", "no-such"], 2, &["no-such"]);
}

#[test]
fn a_task_is_done_once_and_goes_on_after_a_signal() {
    let root = tempfile::tempdir().unwrap();
    let out = root.path();
    let ids: Vec<String> = tasks(&[]).iter().map(id).collect();
    let task = part(out, &["--task", &ids[0]]);
    let folder = out.join("tasks").join(&ids[0]);
    let begun = out.join("tasks").join(format!("{}.part", ids[0]));

    // Stopped as soon as there are rows.
    let mut child = bucketlab(&task)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let rows = || {
        let runs = fs::read_dir(&begun).into_iter().flatten().flatten();
        let trials = runs.filter_map(|run| fs::read_to_string(run.path().join("trials.csv")).ok());
        trials.map(|text| text.lines().count()).max().unwrap_or(0)
    };
    while rows() < 5 {
        assert!(child.try_wait().unwrap().is_none(), "it ended by itself");
        thread::sleep(Duration::from_millis(2));
    }
    // Another process at the same task is sent away.
    exits(&task, 75, &["another process"]);
    // As some schedulers do: every process of the job is told to stop, the children first.
    let script = format!(
        "kill -TERM $(cat /proc/{0}/task/*/children); kill -TERM {0}",
        child.id()
    );
    let told = Command::new("sh").args(["-c", &script]).status().unwrap();
    assert!(told.success());
    assert_eq!(child.wait().unwrap().code(), Some(75));
    assert!(!folder.exists() && begun.exists());

    let mut inside = fs::read_dir(&begun).unwrap().flatten();
    let run = inside.find(|entry| entry.path().is_dir()).unwrap().path();
    exits(&["run", "--resume", name(&run)], 2, &["is task", "--shard"]);
    let done = exits(&task, 0, &[]);
    let printed = String::from_utf8(done.stdout).unwrap();
    assert_eq!(printed.trim_end(), name(&folder));
    assert!(!begun.exists());
    let records = Records::read(&folder).unwrap();
    assert_eq!(records.manifest.resumed.len(), 1);
    assert_eq!(records.manifest.status, Status::Complete);
    // The controls are in it.
    let controls = records
        .manifest
        .cells
        .iter()
        .filter(|cell| cell.control || cell.twin);
    assert_eq!(controls.count(), 2);
    assert_eq!(records.trials.len(), 4 * 4);

    let before = files(&folder);
    exits(&task, 0, &[]);
    assert_eq!(files(&folder), before, "what is done is not done again");
    exits(
        &[&task[..], &["--seed", "7"]].concat(),
        2,
        &["other suites or flags"],
    );
    replaced(
        &folder.join("run.toml"),
        "binary_hash = ",
        "binary_hash = \"0123\"",
    );
    exits(&task, 2, &["another build", name(&folder)]);
    exits(
        &part(out, &["--task", "0123"]),
        2,
        &["'0123'", &ids[0], "bucketlab plan"],
    );
    exits(&part(out, &["--shard", "0/2"]), 2, &["counted from 1"]);
    exits(
        &part(out, &["--shard", "1/2", "--task", "0"]),
        2,
        &["cannot be used with"],
    );
    exits(
        &part(out, &["--shard", "1/2", "--resume", "x"]),
        2,
        &["cannot be used with"],
    );
    exits(&["run", "--max-disturbed", "3%"], 2, &["--task"]);
    exits(&part(out, &["--shard", "9/9"]), 0, &["nothing to do"]);
}

/// What others disturb too much does not count, and is kept for a look.
#[test]
fn a_disturbed_task_is_to_be_run_again() {
    let root = tempfile::tempdir().unwrap();
    let task = part(root.path(), &["--shard", "1/4"]);
    let none: Vec<&str> = task
        .iter()
        .map(|word| if *word == "100%" { "0%" } else { word })
        .collect();
    let cores = thread::available_parallelism().unwrap().get();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..3 * cores {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let again = output(&none);
        over.store(true, Ordering::Relaxed);
        assert_eq!(again.status.code(), Some(75), "{}", said(&again));
        assert!(said(&again).contains("--max-disturbed 0%"));
    });
    let folders: Vec<PathBuf> = fs::read_dir(root.path().join("tasks"))
        .unwrap()
        .map(|task| task.unwrap().path())
        .collect();
    assert_eq!(folders.len(), 1);
    assert_eq!(folders[0].extension().unwrap(), "disturbed");
    // It is no part of what is merged, and the next attempt begins anew.
    let out = root.path().join("out");
    let merge = ["merge", name(root.path()), "-o", name(&out)];
    exits(&merge, 2, &["holds no run"]);
    exits(&task, 0, &[]);
    exits(&merge, 1, &["missing: "]);
}

/// A part that another machine began is begun anew: figures of two machines are no panel.
#[test]
fn a_task_that_another_machine_began_is_begun_anew() {
    let root = tempfile::tempdir().unwrap();
    let task = part(root.path(), &["--shard", "1/4"]);
    let done = exits(&task, 0, &[]);
    let folder = PathBuf::from(String::from_utf8(done.stdout).unwrap().trim_end());
    let begun = folder.with_extension("part").join("a-run");
    copied(&folder, &begun);
    fs::remove_dir_all(&folder).unwrap();
    replaced(
        &begun.join("run.toml"),
        "cpu_model = ",
        "cpu_model = \"a loom\"",
    );
    replaced(
        &begun.join("run.toml"),
        "status = ",
        "status = \"interrupted\"",
    );
    exits(&task, 0, &[]);
    let manifest = Manifest::read(&folder).unwrap();
    assert!(manifest.resumed.is_empty() && manifest.machine["cpu_model"] != "a loom");
}

#[test]
fn the_parts_of_a_sweep_merge_to_the_cells_of_the_whole() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    for shard in ["1/3", "2/3", "3/3"] {
        exits(&part(&path("parts"), &["--shard", shard]), 0, &[]);
    }
    exits(&part(&path("again"), &["--shard", "2/3"]), 0, &[]);
    let folder = path("whole");
    let to = ["--no-verify", "--quiet", "--out", name(&folder)];
    let whole = [&["run"], SWEEP, &to].concat();
    exits(&whole, 0, &[]);
    let whole = fs::read_dir(path("whole"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();

    let merged = path("merged");
    let done = exits(
        &["merge", name(&path("parts")), "-o", name(&merged)],
        0,
        &[],
    );
    assert!(
        String::from_utf8(done.stdout)
            .unwrap()
            .trim_end()
            .ends_with("merged/report.html")
    );
    let (one, all) = (
        Records::read(&merged).unwrap(),
        Records::read(&whole).unwrap(),
    );
    assert_eq!(cells(&one.manifest), cells(&all.manifest));
    assert_eq!(one.manifest.status, Status::Complete);
    let places = |records: &Records| -> BTreeSet<(u32, String, u32)> {
        records
            .trials
            .iter()
            .map(|row| (row.panel, row.cell_id.clone(), row.trial))
            .collect()
    };
    assert_eq!(places(&one), places(&all));
    assert!(!one.manifest.argv.iter().any(|word| word == "--shard"));
    let chart = path("history.svg");
    for arguments in [
        vec!["report", name(&merged), "--text"],
        vec!["rank", name(&merged)],
        vec!["compare", name(&whole), name(&merged)],
        vec!["compare", name(&merged), "fixed", "striped"],
        vec!["predict", name(&merged), "--threads", "128"],
        vec!["history", name(&merged), name(&whole), "-o", name(&chart)],
    ] {
        exits(&arguments, 0, &[]);
    }

    assert!(chart.exists());
    exits(
        &["predict", name(&merged), "--entries", "0"],
        2,
        &["--entries 0"],
    );
    exits(&["run", "--resume", name(&merged)], 2, &["it was merged"]);
    exits(
        &["history", name(&path("none"))],
        2,
        &["none", "cannot be read"],
    );

    // Plain runs of a directory that the merged run is in as well, twice.
    let both = path("whole/both");
    for _ in 0..2 {
        exits(
            &[
                "merge",
                name(&path("whole")),
                "-o",
                name(&both),
                "--no-report",
            ],
            0,
            &[],
        );
    }
    assert_eq!(cells(&Manifest::read(&both).unwrap()), cells(&all.manifest));

    // Each task by itself, a replica of one, and a copy, in three orders: the same bytes.
    let mut given: Vec<PathBuf> = fs::read_dir(path("parts/tasks"))
        .unwrap()
        .map(|task| task.unwrap().path())
        .collect();
    given.push(path("again"));
    copied(&given[0], &path("copy/of-one"));
    given.push(path("copy"));
    let mut bytes = Vec::new();
    for turn in 0..given.len() {
        given.rotate_left(1);
        if turn % 2 == 1 {
            given.reverse();
        }
        let out = path(&format!("turn-{turn}"));
        let names: Vec<&str> = given.iter().map(|path| name(path)).collect();
        let records = ["--no-report"];
        let more = if turn < 2 { &records[..0] } else { &records };
        exits(
            &[&["merge"], &names[..], &["-o", name(&out)], more].concat(),
            0,
            &["measured 2 times", "counts once"],
        );
        bytes.push(files(&out));
    }
    assert_eq!(bytes[0], bytes[1], "with their pages");
    let records = |all: &BTreeMap<PathBuf, Vec<u8>>| -> BTreeMap<PathBuf, Vec<u8>> {
        let kept = all.iter().filter(|(path, _)| bytes[2].contains_key(*path));
        kept.map(|(path, bytes)| (path.clone(), bytes.clone()))
            .collect()
    };
    assert!(bytes[2].contains_key(Path::new("trials.csv")) && bytes[2].len() < bytes[0].len());
    assert!(bytes.iter().all(|all| records(all) == bytes[2]));

    // The replica's tables are further births of the same panel.
    let twice = Records::read(&path("turn-0")).unwrap();
    let again = Records::read(
        &fs::read_dir(path("again/tasks"))
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path(),
    )
    .unwrap();
    assert_eq!(twice.trials.len(), all.trials.len() + again.trials.len());
    assert_eq!(
        places(&twice).len(),
        twice.trials.len(),
        "no two rows have one place"
    );
    let births = |records: &Records, cell: &str| -> BTreeSet<u32> {
        let rows = records.slices.iter().filter(|row| row.cell_id == cell);
        rows.map(|row| row.birth).collect()
    };
    let cell = &again.manifest.cells[1].cell_id;
    assert_eq!(births(&twice, cell).len(), 2 * births(&again, cell).len());
    assert_eq!(cells(&twice.manifest), cells(&all.manifest));
    let first = twice
        .manifest
        .merged
        .iter()
        .flat_map(|run| &run.first_births);
    assert!(first.clone().any(|&birth| birth > 0));
}

#[test]
fn what_does_not_belong_together_is_named() {
    let root = tempfile::tempdir().unwrap();
    let path = |name: &str| root.path().join(name);
    for shard in ["1/2", "2/2"] {
        exits(&part(&path("parts"), &["--shard", shard]), 0, &[]);
    }
    let parts: Vec<PathBuf> = fs::read_dir(path("parts/tasks"))
        .unwrap()
        .map(|task| task.unwrap().path())
        .collect();
    let out = path("out");
    let merge = |of: &[&Path], more: &[&str], code: i32, words: &[&str]| {
        let names: Vec<&str> = of.iter().map(|path| name(path)).collect();
        exits(
            &[
                &["merge"],
                &names[..],
                &["-o", name(&out), "--no-report"],
                more,
            ]
            .concat(),
            code,
            words,
        )
    };
    // A part that is not there: what is there is written, and read as what has no end.
    let panels = Manifest::read(&parts[1]).unwrap().panels.len();
    let missing = merge(&[&parts[0]], &[], 1, &["missing: panel", "no run has it"]);
    assert_eq!(said(&missing).matches("missing: ").count(), panels);
    assert_eq!(Manifest::read(&out).unwrap().status, Status::Interrupted);
    exits(&["report", name(&out)], 0, &[]);

    let changed = |to: &str, from: &str, line: &str| {
        copied(&parts[1], &path(to));
        replaced(&path(to).join("run.toml"), from, line);
        path(to)
    };
    // The same executable is the same program, though its sources have changed meanwhile.
    let other = changed("revision", "revision = ", "revision = \"0123456\"");
    merge(&[&parts[0], &other], &[], 0, &[]);
    replaced(
        &other.join("run.toml"),
        "binary_hash = ",
        "binary_hash = \"0123\"",
    );
    merge(&[&parts[0], &other], &[], 2, &["revision is", "0123456"]);
    let other = changed("schema", "schema_version = ", "schema_version = 3");
    merge(&[&parts[0], &other], &[], 2, &["schema version 3"]);
    let other = changed("seed", "seed = ", "seed = 99");
    merge(&[&parts[0], &other], &[], 2, &["seed is", "99"]);
    let other = changed("running", "status = ", "status = \"running\"");
    merge(
        &[&parts[0], &other],
        &[],
        1,
        &["has not ended", "missing: "],
    );
    merge(&[&other], &[], 2, &["nothing to merge"]);
    let loom = changed("loom", "cpu_model = ", "cpu_model = \"a loom\"");
    merge(
        &[&parts[0], &loom],
        &[],
        2,
        &["2 unlike machines", "a loom", "--each-machine"],
    );
    merge(
        &[&parts[1], &loom],
        &[],
        2,
        &["on more than one: ", "striped"],
    );
    merge(&[&path("none")], &[], 2, &["none"]);
    // What is no merged run is left alone.
    exits(
        &["merge", name(&parts[0]), "-o", name(&parts[1])],
        2,
        &["is no merged run"],
    );
    exits(
        &["merge", name(&out), "-o", name(&path("x"))],
        2,
        &["is a merged run"],
    );

    fs::remove_dir_all(&out).unwrap();
    merge(
        &[&parts[0], &parts[1], &loom],
        &["--each-machine"],
        1,
        &["missing: "],
    );
    let [first, second] = ["1", "2"].map(|kind| Manifest::read(&out.join(kind)).unwrap());
    assert_ne!(first.machine["cpu_model"], second.machine["cpu_model"]);
    assert_eq!(first.panels.len() + second.panels.len(), 4 + panels);
}
