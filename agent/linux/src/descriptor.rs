//! Descriptors that a program inherits and is told by number.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd, RawFd},
};

/// Takes over an inherited descriptor: what is returned is not inherited further, and the number is free afterwards.
///
/// To be called at the start of a program, once for each number that it was told.
///
/// # Errors
/// When nothing is open under this number.
pub fn inherit(number: RawFd) -> io::Result<OwnedFd> {
    let owned = duplicate(number)?;
    nix::unistd::close(number)?;
    Ok(owned)
}

/// Copies an inherited descriptor and leaves the number as it is.
///
/// # Errors
/// When nothing is open under this number.
#[expect(
    unsafe_code,
    reason = "a number is all that a program is told of a descriptor"
)]
pub fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    if number < 0 {
        return Err(nix::errno::Errno::EBADF.into());
    }
    // SAFETY: it lives for one system call, which fails when nothing is open under the number.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    borrowed.try_clone_to_owned()
}

#[cfg(test)]
mod tests {
    use std::{
        fs::File,
        io::{Read, Write},
        os::fd::IntoRawFd,
    };

    use super::*;

    #[test]
    fn inherited_descriptor_is_used_by_its_number() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let number = OwnedFd::from(writer).into_raw_fd();

        let mut inherited = File::from(inherit(number).expect("inherited"));
        inherited.write_all(b"hello").expect("written");
        drop(inherited);

        // The end comes only when the number was closed as well.
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("read");
        assert_eq!(text, "hello");
    }

    #[test]
    fn number_that_nothing_is_open_under_is_refused() {
        assert!(duplicate(-1).is_err());
        assert!(duplicate(1_000_000).is_err());
    }
}
