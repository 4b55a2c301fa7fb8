//! Both policies against plain ones, and against all ways to keep entries.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};

use super::*;

fn get(key: u32, bytes: u32) -> Request {
    Request {
        key,
        bytes,
        access: Access::Fill,
    }
}

/// LRU as one would write it down.
fn plain_lru(requests: &[Request], budget: u64) -> u64 {
    let mut stack: Vec<(u32, u32)> = Vec::new();
    let mut misses = 0;
    for request in requests {
        let at = stack.iter().position(|(key, _)| *key == request.key);
        let old = at.map(|at| stack.remove(at).1);
        misses += u64::from(old.is_none() && request.access.is_lookup());
        let bytes = match (request.access, old) {
            (Access::Write, _) => Some(request.bytes),
            (Access::Fill | Access::Add, old) => old.or(Some(request.bytes)),
            (Access::Update, old) => old.map(|_| request.bytes),
            (Access::Read | Access::Touch, old) => old,
            (Access::Remove, _) => None,
        };
        if let Some(bytes) = bytes.filter(|bytes| u64::from(*bytes) <= budget) {
            stack.insert(0, (request.key, bytes));
        }
        while stack
            .iter()
            .map(|(_, bytes)| u64::from(*bytes))
            .sum::<u64>()
            > budget
        {
            stack.pop();
        }
    }
    misses
}

/// The fewest misses of all ways to keep entries of one size: tried out.
fn fewest(requests: &[Request], kept: u32, budget: u64) -> u64 {
    let Some((request, rest)) = requests.split_first() else {
        return 0;
    };
    let own = 1 << request.key;
    let miss = u64::from(request.access.is_lookup() && kept & own == 0);
    let all = match request.access {
        Access::Remove => kept & !own,
        Access::Update | Access::Touch => kept,
        _ => kept | own,
    };
    let sizes = |set: u32| u64::from(set.count_ones()) * u64::from(request.bytes);
    let mut best = u64::MAX;
    let mut subset = all;
    loop {
        let admitted = subset & own == all & own || sizes(own) > budget;
        if sizes(subset) <= budget && admitted {
            best = best.min(fewest(rest, subset, budget));
        }
        if subset == 0 {
            return miss + best;
        }
        subset = (subset - 1) & all;
    }
}

fn random(seed: u64, count: usize, keys: u64, size_of: impl Fn(u32) -> u32) -> Vec<Request> {
    let mut dice = Xoshiro256PlusPlus::seed_from_u64(seed);
    let request = |_| {
        let (a, b) = (dice.next_u64() % keys, dice.next_u64() % keys);
        let key = u32::try_from(a.min(b)).unwrap();
        Request {
            key,
            bytes: size_of(key),
            access: if dice.next_u64().is_multiple_of(8) {
                Access::Write
            } else {
                Access::Fill
            },
        }
    };
    (0..count).map(request).collect()
}

#[test]
fn the_example_of_the_textbooks() {
    // Tanenbaum's reference string; three and four frames of one byte.
    let string = [7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1];
    let requests: Vec<Request> = string.iter().map(|&key| get(key, 1)).collect();
    assert_eq!(lru_misses(&requests, &[1, 3, 4, 6]), [20, 12, 8, 6]);
    assert_eq!(belady_misses(&requests, 3), 9);
}

#[test]
fn lru_is_what_a_plain_list_does_and_closes_its_gaps() {
    for (seed, sizes) in [(1, 1), (2, 50)] {
        let requests = random(seed, 6_000, 300, |key| 1 + key * 7 % sizes);
        let budgets: Vec<u64> = vec![0, 1, 10, 49, 100, 500, 2_000, 1 << 40];
        let expected: Vec<u64> = budgets
            .iter()
            .map(|&budget| plain_lru(&requests, budget))
            .collect();
        assert_eq!(lru_misses(&requests, &budgets), expected);
    }
    assert_eq!(lru_misses(&[], &[5]), [0]);
}

/// With each of these accesses as often as any other.
fn mixed(
    accesses: &[Access],
    seed: u64,
    count: usize,
    keys: u64,
    size_of: impl Fn(u32) -> u32,
) -> Vec<Request> {
    let mut dice = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut requests = random(seed, count, keys, size_of);
    for request in &mut requests {
        let at = dice.next_u64() % accesses.len() as u64;
        request.access = accesses[usize::try_from(at).unwrap()];
    }
    requests
}

const ALL: [Access; 7] = [
    Access::Fill,
    Access::Read,
    Access::Write,
    Access::Add,
    Access::Update,
    Access::Touch,
    Access::Remove,
];

/// Gives each request a size of its own.
fn resize(requests: &mut [Request], seed: u64, most: u64) {
    let mut dice = Xoshiro256PlusPlus::seed_from_u64(seed);
    for request in requests {
        request.bytes = u32::try_from(1 + dice.next_u64() % most).unwrap();
    }
}

const BUDGETS: [u64; 9] = [0, 1, 10, 49, 100, 500, 2_000, 10_000, 1 << 40];

/// LRU is what a plain list gives, and what is called the optimum misses no more.
fn holds(requests: &[Request]) {
    let lru = lru_misses(requests, &BUDGETS);
    for (&budget, &misses) in BUDGETS.iter().zip(&lru) {
        assert_eq!(misses, plain_lru(requests, budget), "budget {budget}");
        let belady = belady_misses(requests, budget);
        assert!(belady <= misses, "budget {budget}: {belady} > {misses}");
    }
}

#[test]
fn lru_is_a_plain_list_and_never_beats_the_optimum_whatever_the_sizes() {
    for seed in 0..8 {
        let mut requests = mixed(&ALL, seed, 2_000, 100, |key| 1 + key * 7 % 50);
        holds(&requests);
        resize(&mut requests, seed, 60);
        holds(&requests);
        for accesses in [&[Access::Fill][..], &[Access::Fill, Access::Write]] {
            let mut requests = mixed(accesses, seed, 2_000, 100, |key| 1 + key * 7 % 50);
            assert!(lru_needs_one_walk(&requests));
            holds(&requests);
            resize(&mut requests, seed, 60);
            assert!(!lru_needs_one_walk(&requests));
            holds(&requests);
        }
    }
}

#[test]
fn the_rule_alone_is_never_beaten_by_lru_at_one_size() {
    let accesses = ALL.map(|access| match access {
        Access::Read => Access::Fill,
        other => other,
    });
    for seed in 0..20 {
        let requests = mixed(&accesses, seed, 2_000, 100, |_| 10);
        for budget in [0, 10, 100, 300, 990] {
            assert!(belady_rule(&requests, budget) <= plain_lru(&requests, budget));
        }
    }
}

#[test]
fn a_hit_keeps_its_size_and_what_is_larger_than_the_budget_is_passed_over() {
    let string = [get(0, 13), get(1, 3_003), get(1, 8), get(0, 13)];
    assert_eq!(lru_misses(&string, &[3_010]), [3]);
    assert_eq!(belady_misses(&string, 3_010), 3);
    // The hit on key 1 keeps 3,003 bytes: key 2 does not fit beside it and evicts.
    let string = [get(1, 3_003), get(1, 8), get(2, 500), get(1, 8)];
    assert_eq!(lru_misses(&string, &[3_010]), [3]);
    // A write takes the new size.
    let write = Request {
        access: Access::Write,
        ..get(1, 8)
    };
    let string = [get(1, 3_003), write, get(2, 500), get(1, 8)];
    assert_eq!(lru_misses(&string, &[3_010]), [2]);
    // Key 1 is larger than all: key 0 stays.
    let string = [get(0, 13), get(1, 4_000), get(0, 13), get(1, 4_000)];
    assert_eq!(lru_misses(&string, &[100]), [3]);
    assert_eq!(belady_misses(&string, 100), 3);
    // A write of it leaves no old value behind.
    let write = Request {
        access: Access::Write,
        ..get(0, 4_000)
    };
    assert_eq!(lru_misses(&[get(0, 13), write, get(0, 13)], &[100]), [2]);
}

#[test]
fn what_does_not_stay_is_not_counted_on() {
    let requests = mixed(&ALL, 3, 6_000, 200, |key| 1 + key * 7 % 50);
    let budgets: Vec<u64> = vec![0, 1, 49, 100, 500, 2_000, 1 << 40];
    let expected: Vec<u64> = budgets
        .iter()
        .map(|&budget| plain_lru(&requests, budget))
        .collect();
    assert_eq!(lru_misses(&requests, &budgets), expected);
    let with = |access| Request {
        access,
        ..get(0, 5)
    };
    let [read, write, update, remove] =
        [Access::Read, Access::Write, Access::Update, Access::Remove].map(with);
    for (requests, misses) in [
        (vec![read, read], 2),
        (vec![update, read], 1),
        (vec![write, read, remove, read], 1),
        (vec![get(0, 5), read, update, read], 1),
    ] {
        assert_eq!(lru_misses(&requests, &[5]), [misses], "{requests:?}");
        assert_eq!(belady_misses(&requests, 5), misses, "{requests:?}");
    }
    // What is taken out next is the first to go.
    let string = [
        get(0, 5),
        get(1, 5),
        get(2, 5),
        with(Access::Remove),
        get(1, 5),
    ];
    assert_eq!(belady_misses(&string, 10), 3);
}

#[test]
fn belady_misses_least_and_never_more_than_lru() {
    let accesses = ALL.map(|access| match access {
        Access::Read => Access::Fill,
        other => other,
    });
    for seed in 0..40 {
        let requests = mixed(&accesses, seed, 12, 5, |_| 10);
        for budget in [0, 9, 10, 20, 30, 1000] {
            let belady = belady_misses(&requests, budget);
            assert_eq!(belady, fewest(&requests, 0, budget), "{requests:?}");
            assert!(belady <= lru_misses(&requests, &[budget])[0]);
        }
    }
}

#[test]
fn what_does_not_fit_is_missed_every_time() {
    let requests = [get(0, 100), get(1, 5), get(0, 100), get(1, 5)];
    assert_eq!(belady_misses(&requests, 50), 3);
    assert_eq!(lru_misses(&requests, &[50, 104, 105]), [3, 4, 2]);
}
