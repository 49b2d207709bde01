//! Envelopes from outside: the vectors under `conformance/vectors`, the builders, the golden bytes.

#[cfg(test)]
mod building;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod items;
#[cfg(test)]
mod vectors;
