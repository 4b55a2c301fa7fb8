//! What stands beside the load in a child: the prefill, counts of entries, memory, and what is known of the server.

use std::cell::RefCell;

use anyhow::bail;

use super::control::{Control, Holds, check_empty};
use super::ring::Ring;
use super::start::Running;
use super::target::Address;
use crate::bench::{CensusReply, Memory, ServerFacts, write_value};
use crate::serve::{Spoken, VERSION, Voice};
use crate::wire::client::{Dialect, Storing, Unit};
use crate::workload::{Prefill, Workload};

/// Where requests go.
pub(super) enum Place<'p> {
    /// To servers that were there, or that run as long as this.
    Servers(Vec<Address>, Option<&'p Running>),
    /// Into our own parser.
    Parsed(&'p Spoken<'p>),
    /// To the control.
    Control(Vec<Address>),
}

/// What was known before anything was stored.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Before {
    pub(super) holds: Holds,
    pub(super) resident: Option<u64>,
}

/// The side of the load.
pub(super) enum Side<'p> {
    Servers(Box<RefCell<Control>>, Option<&'p Running>),
    Parsed(Box<RefCell<Voice<'p, 'p>>>, &'p Spoken<'p>),
    Control,
}

impl<'p> Side<'p> {
    /// Connects to what is beside the load; `threads` is how many threads the load has.
    ///
    /// # Errors
    /// A server does not answer.
    pub(super) fn new(
        place: &Place<'p>,
        dialect: Dialect,
        ring: &Ring,
        threads: u32,
    ) -> anyhow::Result<Side<'p>> {
        Ok(match place {
            Place::Servers(addresses, running) => {
                let control = Control::connect(dialect, addresses, ring)?;
                Side::Servers(Box::new(RefCell::new(control)), *running)
            }
            Place::Parsed(spoken) => {
                Side::Parsed(Box::new(RefCell::new(spoken.voice(threads))), spoken)
            }
            Place::Control(_) => Side::Control,
        })
    }

    /// What there is before anything is stored, and that it may be written to.
    ///
    /// # Errors
    /// The server is not one that can be driven, or holds keys.
    pub(super) fn begin(&self, overwrite: bool) -> anyhow::Result<Before> {
        if let Side::Servers(control, _) = self {
            control.borrow_mut().version()?;
        }
        let holds = self.holds()?;
        check_empty(holds, overwrite)?;
        Ok(Before {
            holds,
            resident: self.resident(),
        })
    }

    /// What is held now.
    ///
    /// # Errors
    /// A server does not say.
    pub(super) fn holds(&self) -> anyhow::Result<Holds> {
        match self {
            Side::Servers(control, _) => control.borrow_mut().holds(),
            Side::Parsed(_, spoken) => {
                let usage = spoken.usage();
                Ok(Holds {
                    items: usage.items,
                    bytes: usage.bytes,
                    evicted: 0,
                })
            }
            Side::Control => Ok(Holds::default()),
        }
    }

    /// Resident memory of a server that runs as long as this, in bytes.
    pub(super) fn resident(&self) -> Option<u64> {
        match self {
            Side::Servers(_, Some(running)) => running.resident_bytes(),
            _ => None,
        }
    }

    /// CPU time of a server that runs as long as this, in nanoseconds; 0 for others.
    pub(super) fn cpu_ns(&self) -> u64 {
        match self {
            Side::Servers(_, Some(running)) => running.cpu_ns(),
            _ => 0,
        }
    }

    /// Stores all entries of a workload; returns the bytes of their keys and of their values.
    ///
    /// # Errors
    /// An entry is refused, or the connection broke.
    pub(super) fn prefill(&self, workload: &Workload) -> anyhow::Result<[u64; 2]> {
        let (mut value, mut outcome, mut payload) = (Vec::new(), Ok(()), [0; 2]);
        let (mut out, mut answers, mut waiting) = (Vec::new(), Vec::new(), 0);
        Prefill::new(workload).for_each(|key, length| {
            if outcome.is_err() {
                return;
            }
            write_value(&mut value, key, length as usize);
            payload[0] += key.len() as u64;
            payload[1] += u64::from(length);
            outcome = match self {
                Side::Servers(control, _) => control.borrow_mut().store(key, &value),
                Side::Parsed(voice, _) => {
                    Dialect::Classic.store(&mut out, Storing::Set, key, &value);
                    waiting += 1;
                    if waiting < 64 {
                        return;
                    }
                    speak(
                        &mut voice.borrow_mut(),
                        &mut out,
                        &mut answers,
                        std::mem::take(&mut waiting),
                    )
                }
                Side::Control => Ok(()),
            };
        });
        outcome?;
        match self {
            Side::Servers(control, _) => control.borrow_mut().finish()?,
            Side::Parsed(voice, _) => {
                speak(&mut voice.borrow_mut(), &mut out, &mut answers, waiting)?;
            }
            Side::Control => {}
        }
        Ok(payload)
    }

    /// Memory since `before`.
    pub(super) fn memory(&self, before: Before) -> Memory {
        let resident = self.resident().zip(before.resident);
        let reason = match self {
            Side::Servers(_, Some(_)) if resident.is_some() => "a server's allocator is its own",
            Side::Servers(_, Some(_)) => "the server's resident memory cannot be read",
            Side::Servers(_, None) => {
                "the server was not started here: its memory is by its own account"
            }
            Side::Parsed(..) => "the table shares its process with the load",
            Side::Control => "the control stores nothing",
        };
        Memory {
            rss_bytes: resident.map(|(now, before)| now.saturating_sub(before)),
            reason: reason.to_owned(),
            ..Memory::default()
        }
    }

    /// What the server says that it holds since `before`, of which keys and values take `payload`.
    ///
    /// # Errors
    /// It does not say.
    pub(super) fn census(&self, before: Before, payload: [u64; 2]) -> anyhow::Result<CensusReply> {
        let now = self.holds()?;
        let claimed = now.bytes.saturating_sub(before.holds.bytes);
        let [keys, values] = payload;
        let beside = claimed.saturating_sub(keys + values);
        Ok(CensusReply {
            items: now.items.saturating_sub(before.holds.items),
            buckets: 0,
            chain_lengths: Vec::new(),
            bytes: [keys, values, beside, 0, 0],
        })
    }

    /// What is known of the server, which is kept to these processors where it was started here.
    ///
    /// # Errors
    /// It does not say its version.
    pub(super) fn facts(&self, cpus: &[usize]) -> anyhow::Result<ServerFacts> {
        let version = match self {
            Side::Servers(control, _) => control.borrow_mut().version()?,
            Side::Parsed(..) => format!("memcached {VERSION}"),
            Side::Control => "the null server of bucketlab".to_owned(),
        };
        let (command, cpus) = match self {
            Side::Servers(_, Some(running)) => (running.command.clone(), list(cpus)),
            _ => (String::new(), String::new()),
        };
        Ok(ServerFacts {
            version,
            command,
            cpus,
        })
    }
}

/// Has requests served without a socket, and looks that each was done.
fn speak(
    voice: &mut Voice<'_, '_>,
    out: &mut Vec<u8>,
    answers: &mut Vec<u8>,
    mut waiting: u32,
) -> anyhow::Result<()> {
    answers.clear();
    voice.exchange(out, answers)?;
    out.clear();
    let mut at = 0;
    while waiting > 0 {
        match Dialect::Classic.next(&answers[at..]) {
            Ok(Some((Unit::Done, used))) => at += used,
            Ok(Some((unit, _))) => bail!("the prefill was answered with {unit}"),
            _ => bail!("the prefill was not answered"),
        }
        waiting -= 1;
    }
    Ok(())
}

fn list(cpus: &[usize]) -> String {
    let cpus: Vec<String> = cpus.iter().map(ToString::to_string).collect();
    cpus.join(",")
}
