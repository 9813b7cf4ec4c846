//! What a runtime takes from its peers before it refuses.
//!
//! C++ libprocess bounds only the header block; a peer can fill its memory with a body or an unread queue.
//! Here everything is bounded, generously enough that no honest peer notices.

/// Bounds on what peers may send and leave unread, in bytes unless the name says otherwise.
///
/// # Examples
/// ```
/// use libprocess::Limits;
///
/// let limits = Limits { http_body: 1024 * 1024, ..Limits::default() };
/// assert_eq!(limits.header, 80 * 1024);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Request line and headers together. More closes the connection.
    pub header: usize,
    /// The body of a message from a libprocess peer. More closes the connection.
    pub message_body: usize,
    /// The body of a request to a route that is not streaming. More is answered with 413.
    pub http_body: usize,
    /// What a streaming route may leave unread before its connection is read no further.
    pub unread_stream: usize,
    /// Requests on one connection that wait for their answers, before it is read no further. A count.
    pub pipelined_requests: usize,
    /// What may wait to be sent to one peer. More breaks the connection, which its linkers are told.
    pub outgoing: usize,
}

impl Limits {
    const KIB: usize = 1024;
    const MIB: usize = 1024 * Self::KIB;
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            header: 80 * Self::KIB,
            message_body: 512 * Self::MIB,
            http_body: 256 * Self::MIB,
            unread_stream: Self::MIB,
            pipelined_requests: 1024,
            outgoing: 1024 * Self::MIB,
        }
    }
}
