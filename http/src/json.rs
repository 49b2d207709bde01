//! Answers in JSON.

use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use crate::Problem;

/// Room for an answer of usual size, in bytes, so that its text is not moved while it grows.
const ROOM: usize = 2_048;

/// Writes itself as JSON.
pub trait ToJson {
    /// Appends the text.
    ///
    /// # Errors
    /// When there is none.
    fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()>;
}

/// A JSON answer of status 200 that writes its own text, for what is answered often enough to be worth it.
#[derive(Debug, Clone)]
pub struct JsonAnswer<T>(pub T);

impl<T: ToJson> IntoResponse for JsonAnswer<T> {
    fn into_response(self) -> Response {
        let mut body = Vec::with_capacity(ROOM);
        if let Err(error) = self.0.write(&mut body) {
            return Problem::internal(&error).into_response();
        }
        let mut response = body.into_response();
        let json = HeaderValue::from_static("application/json");
        response.headers_mut().insert(CONTENT_TYPE, json);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;
    use axum::http::StatusCode;

    struct Answer(bool);

    impl ToJson for Answer {
        fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
            out.extend_from_slice(b"{\"half");
            if !self.0 {
                return serde_json::from_str("secret");
            }
            out.extend_from_slice(b"\":1}");
            Ok(())
        }
    }

    #[tokio::test]
    async fn an_answer_is_whole_or_a_problem() {
        let response = JsonAnswer(Answer(true)).into_response();
        assert_eq!(response.headers()[CONTENT_TYPE], "application/json");
        let body = to_bytes(response.into_body(), 99).await.unwrap();
        assert_eq!(&body[..], b"{\"half\":1}");

        let response = JsonAnswer(Answer(false)).into_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let body = to_bytes(response.into_body(), 999).await.unwrap();
        let body = String::from_utf8(body.to_vec()).unwrap();
        assert!(!body.contains("half") && !body.contains("secret"), "{body}");
    }
}
