//! Orders of a list, one after the other.

/// Rearranges the items into the next order by comparison; false: they were in the last one.
///
/// Items that are equal are not told apart, so no order comes twice.
pub(super) fn advance(items: &mut [usize]) -> bool {
    let Some(pivot) = items
        .windows(2)
        .rposition(|pair| matches!(pair, [left, right] if left < right))
    else {
        return false;
    };
    let (head, tail) = items.split_at_mut(pivot + 1);
    let Some(low) = head.last_mut() else {
        return false;
    };
    if let Some(high) = tail.iter_mut().rev().find(|item| **item > *low) {
        std::mem::swap(low, high);
    }
    tail.reverse();
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_through_every_order_once() {
        let mut items = [1, 2, 3, 4];
        let mut seen = vec![items];
        while advance(&mut items) {
            seen.push(items);
        }
        let mut distinct = seen.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!((seen.len(), distinct.len()), (24, 24));
    }

    #[test]
    fn does_not_tell_equal_items_apart() {
        let mut items = [5, 5, 7];
        let mut count = 1;
        while advance(&mut items) {
            count += 1;
        }
        assert_eq!(count, 3);
    }

    #[test]
    fn has_one_order_of_nothing_and_of_one() {
        assert!(!advance(&mut []));
        assert!(!advance(&mut [1]));
    }
}
