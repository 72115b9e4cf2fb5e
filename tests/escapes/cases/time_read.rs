//! Refused by clippy::disallowed_methods: what a test cannot move is not the time.

fn now() {
    let _ = std::time::SystemTime::now(); //~
    let _ = std::time::Instant::now(); //~
    let _ = jiff::Timestamp::now(); //~
    let _ = jiff::Zoned::now(); //~
}
