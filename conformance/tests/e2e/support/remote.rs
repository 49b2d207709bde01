//! A stack or node that answers over HTTP, whoever started it.

use super::http::{Answer, Request};
use serde_json::Value;
use std::io;
use std::path::Path;

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
