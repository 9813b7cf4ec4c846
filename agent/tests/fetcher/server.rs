//! A small HTTP server that counts, and that can be held up.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
};

#[derive(Default)]
struct State {
    files: BTreeMap<String, Vec<u8>>,
    requests: Mutex<BTreeMap<String, usize>>,
    held: Mutex<bool>,
    released: Condvar,
}

/// Serves until the test ends.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

impl Server {
    pub(crate) fn start(files: &[(&str, Vec<u8>)]) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let address = listener.local_addr().expect("an address");
        let named = |(name, content): &(&str, Vec<u8>)| (format!("/{name}"), content.clone());
        let state = Arc::new(State {
            files: files.iter().map(named).collect(),
            ..Default::default()
        });
        let serving = state.clone();
        thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                let state = serving.clone();
                // A client that goes away is its own fault.
                thread::spawn(move || state.serve(connection).ok());
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self, name: &str) -> String {
        format!("http://{}/{name}", self.address)
    }

    /// How often a file was asked for, its size included.
    pub(crate) fn requests(&self, name: &str) -> usize {
        let requests = self.state.requests.lock().expect("not poisoned");
        requests.get(&format!("/{name}")).copied().unwrap_or(0)
    }

    /// Answers nobody for now.
    pub(crate) fn hold(&self) {
        *self.state.held.lock().expect("not poisoned") = true;
    }

    /// Answers everybody who waits.
    pub(crate) fn release(&self) {
        *self.state.held.lock().expect("not poisoned") = false;
        self.state.released.notify_all();
    }
}

impl State {
    fn serve(&self, mut connection: TcpStream) -> std::io::Result<()> {
        let mut lines = BufReader::new(connection.try_clone()?).lines();
        let line = lines.next().transpose()?.unwrap_or_default();
        for header in lines {
            if header?.is_empty() {
                break;
            }
        }
        let mut words = line.split(' ');
        let (method, path) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
        let held = self.held.lock().expect("not poisoned");
        drop(self.released.wait_while(held, |held| *held));
        let mut requests = self.requests.lock().expect("not poisoned");
        *requests.entry(path.to_owned()).or_default() += 1;
        drop(requests);
        let Some(content) = self.files.get(path) else {
            return connection.write_all(
                b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            content.len()
        );
        connection.write_all(head.as_bytes())?;
        if method == "GET" {
            connection.write_all(content)?;
        }
        Ok(())
    }
}
