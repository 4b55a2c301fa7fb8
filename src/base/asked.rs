//! How requests come to a server, in words.

use super::counted;

/// What is not as ever of how requests come to a server: `, 8 connections, depth 16`. Empty with a connection a thread,
/// which is 0, and one request at a time.
#[must_use]
pub fn asked_in_words(connections: u32, depth: u32) -> String {
    let mut text = String::new();
    if connections > 0 {
        text += ", ";
        text += &counted(u64::from(connections), "connection");
    }
    if depth > 1 {
        text += &format!(", depth {depth}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_as_ever_is_left_out() {
        for (connections, depth, words) in [
            (0, 1, ""),
            (0, 16, ", depth 16"),
            (1, 1, ", 1 connection"),
            (8, 4, ", 8 connections, depth 4"),
        ] {
            assert_eq!(asked_in_words(connections, depth), words);
        }
    }
}
