//! At most two sides, by construction.

use std::sync::Arc;

use wormhole_sync_wire::Refusal;

/// The sides of a nameplate or a mailbox, each with its state. There is room for two: who comes
/// third is refused, and leaves no trace that could harm the first two.
///
/// ```
/// use wormhole_sync_server::exchange::sides::Sides;
///
/// let mut sides = Sides::default();
/// assert!(sides.admit(&"a".into(), 1) && sides.admit(&"b".into(), 2));
/// assert_eq!(sides.check_room("c").unwrap_err().0, "crowded");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Sides<T>([Option<(Arc<str>, T)>; 2]);

impl<T> Default for Sides<T> {
    fn default() -> Self {
        Self([None, None])
    }
}

impl<T> Sides<T> {
    /// The state of `side`, when it is here.
    ///
    /// ```
    /// use wormhole_sync_server::exchange::sides::Sides;
    ///
    /// let mut sides = Sides::default();
    /// sides.admit(&"a".into(), 1);
    /// assert_eq!((sides.find("a"), sides.find("b")), (Some(&1), None));
    /// ```
    pub fn find(&self, side: &str) -> Option<&T> {
        self.iter().find(|(name, _)| **name == *side).map(|(_, state)| state)
    }

    /// The state of `side`, when it is here, to be changed.
    ///
    /// ```
    /// use wormhole_sync_server::exchange::sides::Sides;
    ///
    /// let mut sides = Sides::default();
    /// sides.admit(&"a".into(), 1);
    /// *sides.find_mut("a").unwrap() = 7;
    /// assert_eq!(sides.find("a"), Some(&7));
    /// ```
    pub fn find_mut(&mut self, side: &str) -> Option<&mut T> {
        self.0.iter_mut().flatten().find(|(name, _)| **name == *side).map(|(_, state)| state)
    }

    pub(super) fn states_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().flatten().map(|(_, state)| state)
    }

    /// Whether `side` is here or could be.
    ///
    /// ```
    /// use wormhole_sync_server::exchange::sides::Sides;
    ///
    /// let mut sides = Sides::default();
    /// assert!(sides.check_room("a").is_ok());
    /// sides.admit(&"a".into(), 1);
    /// sides.admit(&"b".into(), 2);
    /// assert!(sides.check_room("a").is_ok() && sides.check_room("c").is_err());
    /// ```
    pub fn check_room(&self, side: &str) -> Result<(), Refusal> {
        let free = self.0.iter().any(Option::is_none);
        if free || self.find(side).is_some() { Ok(()) } else { Err("crowded".into()) }
    }

    /// Lets `side` in, with this state, unless it is here already. Whether it was let in.
    ///
    /// ```
    /// use wormhole_sync_server::exchange::sides::Sides;
    ///
    /// let mut sides = Sides::default();
    /// assert!(sides.admit(&"a".into(), 1));
    /// assert!(!sides.admit(&"a".into(), 2)); // here already
    /// assert_eq!(sides.find("a"), Some(&1));
    /// ```
    pub fn admit(&mut self, side: &Arc<str>, state: T) -> bool {
        if self.find(side).is_some() {
            return false;
        }
        let Some(seat) = self.0.iter_mut().find(|seat| seat.is_none()) else { return false };
        *seat = Some((Arc::clone(side), state));
        true
    }

    /// The sides, in the order in which they came.
    ///
    /// ```
    /// use wormhole_sync_server::exchange::sides::Sides;
    ///
    /// let mut sides = Sides::default();
    /// sides.admit(&"a".into(), 1);
    /// sides.admit(&"b".into(), 2);
    /// assert_eq!(sides.iter().map(|(_, state)| state).sum::<i32>(), 3);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = &(Arc<str>, T)> {
        self.0.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_side_is_refused_and_leaves_no_trace() {
        let mut sides = Sides::default();
        let (a, b, c): (Arc<str>, Arc<str>, Arc<str>) = ("a".into(), "b".into(), "c".into());
        assert!(sides.admit(&a, 1));
        assert!(!sides.admit(&a, 2));
        assert!(sides.admit(&b, 3));
        assert_eq!(sides.check_room("c"), Err("crowded".into()));
        assert!(!sides.admit(&c, 4));
        assert!(sides.check_room("a").is_ok() && sides.check_room("b").is_ok());
        assert_eq!(sides.iter().map(|(_, state)| *state).collect::<Vec<_>>(), [1, 3]);
    }
}
