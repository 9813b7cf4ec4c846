//! Ports that nobody is given by chance.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::IntoRawFd as _;

use socket2::{Domain, Socket, Type};

/// Returns an address of this machine where nobody listens, and where only who is told so will.
///
/// The port stays bound until this process ends, so that the system gives it to nobody else.
/// Whoever names it can listen there nevertheless, as servers allow others to bind their port.
///
/// # Errors
/// When no port is free.
pub fn reserve() -> io::Result<SocketAddr> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    let address = socket.local_addr()?.as_socket();
    let _kept_to_the_end = socket.into_raw_fd();
    address.ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::reserve;

    #[test]
    fn reserved_port_is_given_to_nobody_but_to_who_names_it() {
        let reserved = reserve().unwrap();

        assert!(TcpStream::connect(reserved).is_err(), "nobody listens");
        let others: Vec<TcpListener> = (0..1000)
            .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
            .collect();
        let is_given = |other: &TcpListener| other.local_addr().unwrap() == reserved;
        assert!(!others.iter().any(is_given));
        let _named = TcpListener::bind(reserved).unwrap();
        TcpStream::connect(reserved).unwrap();
    }
}
