//! Memory of a whole process: the counting allocator where it is installed (`main.rs` does so), and
//! growth as the system sees it.

use std::hint::black_box;

use bucketlab::machine::counting;

#[test]
fn live_bytes_are_those_asked_for_and_not_freed() {
    counting::start();
    let kept = black_box(vec![1_u8; 1000]);
    drop(black_box(vec![1_u8; 5000]));
    let zeroed = black_box(vec![0_u64; 16]);
    assert_eq!(counting::stop(), Some(1000 + 16 * 8));
    drop((kept, zeroed));
}

#[test]
fn growing_counts_the_difference() {
    let mut bytes = black_box(Vec::<u8>::with_capacity(100));
    counting::start();
    bytes.reserve_exact(1000);
    assert_eq!(counting::stop(), Some(900));
    bytes.push(1);
    counting::start();
    bytes.shrink_to(10);
    assert_eq!(counting::stop(), Some(-990));
}

#[test]
fn freeing_what_was_there_before_is_negative() {
    let before = black_box(vec![1_u8; 300]);
    counting::start();
    drop(before);
    assert_eq!(counting::stop(), Some(-300));
}

#[test]
fn a_count_is_one_threads_own_and_off_by_default() {
    assert_eq!(counting::stop(), None);
    counting::start();
    let other = std::thread::scope(|scope| {
        let handle = scope.spawn(|| {
            let unstarted = counting::stop();
            counting::start();
            let bytes = black_box(vec![1_u8; 1 << 20]);
            (unstarted, counting::stop(), bytes)
        });
        handle.join().unwrap()
    });
    let own = counting::stop().unwrap();
    assert_eq!((other.0, other.1), (None, Some(1 << 20)));
    // Starting a thread allocates a little here; the other thread's mebibyte is not among it.
    assert!(own.abs() < 1 << 16, "{own}");
    assert_eq!(counting::stop(), None);
}

#[test]
fn asking_whether_it_is_installed_leaves_a_count_alone() {
    counting::start();
    let bytes = black_box(vec![1_u8; 77]);
    assert!(counting::installed());
    assert_eq!(counting::stop(), Some(77));
    drop(bytes);
}

/// A thread-local with a destructor allocates and frees while its thread ends.
#[test]
fn allocating_while_a_thread_ends_is_safe() {
    struct Late(Vec<u8>);
    impl Drop for Late {
        fn drop(&mut self) {
            self.0 = black_box(vec![2; 4096]);
        }
    }
    thread_local! {
        static LATE: std::cell::RefCell<Late> = const { std::cell::RefCell::new(Late(Vec::new())) };
    }
    let ended = std::thread::spawn(|| {
        counting::start();
        LATE.with_borrow_mut(|late| late.0.push(1));
    });
    assert!(ended.join().is_ok());
}

#[test]
#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn growth_is_resident_and_goes_when_it_is_freed() {
    let name = "memory::growth_is_resident_and_goes_when_it_is_freed";
    super::alone::alone(name, grow_and_free);
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
fn grow_and_free() {
    use bucketlab::machine::{available_bytes, resident_bytes, trim};

    const BYTES: u64 = 64 << 20;
    assert!(available_bytes().unwrap() > BYTES);
    let before = resident_bytes().unwrap();
    // Small blocks, which the allocator keeps when they are freed.
    let held: Vec<Box<[u8; 1024]>> = (0..BYTES / 1024).map(|_| Box::new([1; 1024])).collect();
    let grown = resident_bytes().unwrap();
    assert!(grown - before >= BYTES, "{before} {grown}");
    drop(black_box(held));
    trim();
    let left = resident_bytes().unwrap();
    assert!(left < before + BYTES / 2, "{before} {grown} {left}");
}
