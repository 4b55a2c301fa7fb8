//! Floor 4: the timed loop and what surrounds one slice, inside a child process.
