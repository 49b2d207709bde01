//! A stack or node that answers over HTTP, whoever started it.

use super::http::{Answer, Request};
use serde_json::Value;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

/// Where it is, and the token that lets one write.
#[derive(Clone, Debug)]
pub(crate) struct Remote {
    base: String,
    token: String,
}

impl Remote {
    pub(crate) fn at(base: &str) -> Self {
        Self {
            base: base.trim_end_matches('/').to_owned(),
            token: String::new(),
        }
    }

    pub(crate) fn read_token(&mut self, data: &Path) {
        let file = std::fs::read_to_string(data.join("admin.token")).unwrap_or_default();
        file.trim().clone_into(&mut self.token);
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// Host and port.
    pub(crate) fn authority(&self) -> &str {
        self.base.split_once("://").unwrap().1
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn send(&self, request: &Request<'_>) -> Answer {
        request.send(self.authority()).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send(&Request::new("GET", path))
    }

    /// The first events of a stream behind an id: the id and the data of each.
    pub(crate) fn events(&self, path: &str, after: &str, count: usize) -> Vec<(String, String)> {
        let mut stream = TcpStream::connect(self.authority()).unwrap();
        let patience = Some(Duration::from_secs(20));
        stream.set_read_timeout(patience).unwrap();
        let authority = self.authority();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {authority}\r\nLast-Event-ID: {after}\r\n\r\n"
        )
        .unwrap();
        let (mut events, mut id) = (Vec::new(), String::new());
        for line in BufReader::new(stream).lines() {
            let line = line.unwrap();
            if let Some(found) = line.strip_prefix("id: ") {
                found.clone_into(&mut id);
            }
            if let Some(data) = line.strip_prefix("data: ") {
                events.push((id.clone(), data.to_owned()));
            }
            if events.len() == count {
                break;
            }
        }
        events
    }

    /// Posts JSON under the admin token.
    pub(crate) fn post(&self, path: &str, body: &Value) -> Answer {
        self.try_post(path, body).unwrap()
    }

    pub(crate) fn try_post(&self, path: &str, body: &Value) -> io::Result<Answer> {
        let body = serde_json::to_vec(body)?;
        Request::new("POST", path)
            .bearer(&self.token)
            .body("application/json", &body)
            .send(self.authority())
    }
}
