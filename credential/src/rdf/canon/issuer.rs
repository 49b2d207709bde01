//! Labels given out in order (RDFC-1.0 §4.5).

use std::collections::HashMap;

/// Gives each node the next number, once.
#[derive(Clone, Debug, Default)]
pub(super) struct Issuer {
    order: Vec<usize>,
    numbers: HashMap<usize, usize>,
}

impl Issuer {
    /// Gives the node a number unless it has one.
    pub(super) fn issue(&mut self, node: usize) {
        let next = self.order.len();
        self.numbers.entry(node).or_insert_with(|| {
            self.order.push(node);
            next
        });
    }

    pub(super) fn number(&self, node: usize) -> Option<usize> {
        self.numbers.get(&node).copied()
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// Lists the nodes with their numbers, in the order of issue.
    pub(super) fn issued(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.order
            .iter()
            .enumerate()
            .map(|(number, node)| (*node, number))
    }
}
