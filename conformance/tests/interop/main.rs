//! Interoperation with other implementations: a few documents each way, and what they made before.

mod smoke;
mod vectors;
