//! The state machine, driven from outside: every rule, and the properties that hold for all blocks.

#[cfg(test)]
mod accreditations;
#[cfg(test)]
mod anchors;
#[cfg(test)]
mod batches;
#[cfg(test)]
mod bindings;
#[cfg(test)]
mod codes;
#[cfg(test)]
mod council;
#[cfg(test)]
mod dids;
#[cfg(test)]
mod envelopes;
#[cfg(test)]
mod genesis;
#[cfg(test)]
mod members;
#[cfg(test)]
mod promotion;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod proposals;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod standings;
#[cfg(test)]
mod story;
#[cfg(test)]
mod tree;
#[cfg(test)]
mod upgrades;
#[cfg(test)]
mod validators;
#[cfg(test)]
mod world;
