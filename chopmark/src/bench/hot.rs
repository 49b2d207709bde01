//! Which of many are asked for: a hot set that is spread evenly over all.

use std::ops::Range;

/// The places of a hot set of `hot` among `all`, from the first on; every place when the set is as large.
pub(super) fn places(all: usize, hot: usize) -> Vec<usize> {
    let hot = hot.min(all);
    let place = |nth: usize| {
        let place = nth as u128 * all as u128 / hot.max(1) as u128;
        // Less than `all`, which is a usize.
        usize::try_from(place).unwrap_or_default()
    };
    (0..hot).map(place).collect()
}

/// The hot set itself.
pub(super) fn of<T: Clone>(all: &[T], hot: usize) -> Vec<T> {
    pick(all, 0..all.len(), &places(all.len(), hot))
}

/// Those whose places among all are in `range`, of which `part` holds the values.
pub(super) fn pick<T: Clone>(part: &[T], range: Range<usize>, places: &[usize]) -> Vec<T> {
    let within = places.iter().filter(|place| range.contains(place));
    within
        .filter_map(|place| part.get(place - range.start).cloned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hot_set_is_spread_evenly_over_all() {
        assert_eq!(places(10, 5), [0, 2, 4, 6, 8]);
        assert_eq!(places(10, 4), [0, 2, 5, 7]);
        let places = places(1_000_000, 10_000);
        assert_eq!((places.len(), places.last()), (10_000, Some(&999_900)));
        assert!(places.windows(2).all(|two| two[1] - two[0] == 100));
    }

    #[test]
    fn no_more_can_be_hot_than_there_are() {
        assert_eq!(of(&['a', 'b', 'c'], 7), ['a', 'b', 'c']);
        assert!(of(&[] as &[char], 7).is_empty());
        assert!(places(3, 0).is_empty());
    }

    #[test]
    fn the_parts_of_a_hot_set_are_the_set() {
        let all: Vec<usize> = (0..1_003).collect();
        let places = places(all.len(), 17);
        let parts = [0..400, 400..401, 401..1_003];
        let parts = parts.map(|range| pick(&all[range.clone()], range, &places));
        assert_eq!(parts.concat(), of(&all, 17));
    }
}
