//! Values of one committed state that stay decoded: the members and DIDs that most envelopes of a block name.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Values that stay decoded at most; a block seldom names more.
const MAX_VALUES: usize = 1_024;

/// Decoded values of one state by key; later states have their own.
#[derive(Debug, Default)]
pub struct Decoded {
    values: Mutex<HashMap<String, Value>>,
}

/// A value of whatever type its key has, or that there is none.
type Value = Option<Arc<dyn Any + Send + Sync>>;

impl Decoded {
    /// Returns what stands under a key, reading it when nobody did before.
    pub(crate) fn find_or_read<T: Send + Sync + 'static, E>(
        &self,
        key: &str,
        read: impl FnOnce() -> Result<Option<Arc<T>>, E>,
    ) -> Result<Option<Arc<T>>, E> {
        let known = self.values().get(key).cloned();
        match known {
            Some(None) => return Ok(None),
            Some(Some(value)) => {
                // Each kind of key is read as one type; as another one it is read again.
                if let Ok(value) = value.downcast() {
                    return Ok(Some(value));
                }
            }
            None => {}
        }
        let value = read()?;
        let mut values = self.values();
        if values.len() < MAX_VALUES {
            let kept: Value = match &value {
                Some(value) => Some(Arc::clone(value) as Arc<dyn Any + Send + Sync>),
                None => None,
            };
            values.insert(key.to_owned(), kept);
        }
        Ok(value)
    }

    fn values(&self) -> MutexGuard<'_, HashMap<String, Value>> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn never<T>() -> Result<Option<Arc<T>>, &'static str> {
        Err("read again")
    }

    #[test]
    fn reads_a_value_and_its_absence_once() {
        let decoded = Decoded::default();
        let first = decoded.find_or_read("a", || Ok::<_, ()>(Some(Arc::new(7_u64))));
        let again = decoded.find_or_read("a", never::<u64>);
        assert!(Arc::ptr_eq(
            &first.unwrap().unwrap(),
            &again.unwrap().unwrap()
        ));
        assert_eq!(decoded.find_or_read::<u64, ()>("b", || Ok(None)), Ok(None));
        assert_eq!(decoded.find_or_read("b", never::<u64>), Ok(None));
    }

    #[test]
    fn keeps_nothing_of_a_read_that_failed() {
        let decoded = Decoded::default();
        assert!(decoded.find_or_read("a", never::<u64>).is_err());
        let read = decoded.find_or_read("a", || Ok::<_, ()>(Some(Arc::new(7_u64))));
        assert_eq!(read, Ok(Some(Arc::new(7))));
    }

    #[test]
    fn reads_a_value_again_when_it_is_asked_for_as_another_type() {
        let decoded = Decoded::default();
        let _number = decoded.find_or_read("a", || Ok::<_, ()>(Some(Arc::new(7_u64))));
        let text = decoded.find_or_read("a", || Ok::<_, ()>(Some(Arc::new("seven"))));
        assert_eq!(text, Ok(Some(Arc::new("seven"))));
    }

    #[test]
    fn takes_no_more_than_its_room() {
        let decoded = Decoded::default();
        for number in 0..=MAX_VALUES {
            let _kept =
                decoded.find_or_read(&number.to_string(), || Ok::<_, ()>(Some(Arc::new(number))));
        }
        assert_eq!(decoded.values().len(), MAX_VALUES);
        let beyond = MAX_VALUES.to_string();
        assert!(decoded.find_or_read(&beyond, never::<usize>).is_err());
    }
}
