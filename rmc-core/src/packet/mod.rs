//! The wire format.
/// x
pub const HEADER_LEN: usize = 16;
/// x
pub const MAX_DATAGRAM_LEN: usize = 65_507;
/// x
pub const MAX_INTERVALS: usize = 128;
/// x
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// x
    Data,
}
/// x
pub enum DecodeError {}
impl DecodeError {
    /// x
    pub const COUNT: usize = 20;
}
