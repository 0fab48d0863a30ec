//! From paths to what is sent.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    fs,
    path::Path,
};

use super::{
    Kind, Source,
    content::Content,
    error::{Reason, SourceError, Unsendable},
    platform,
    reader::Roots,
    walk::{self, Walk},
};

/// How paths become a [`Source`].
///
/// ```
/// # let folder = tempfile::tempdir()?;
/// # let folder = folder.path();
/// # std::fs::write(folder.join("plan.txt"), "dig a tunnel")?;
/// # std::fs::create_dir(folder.join("spoons"))?;
/// use wormhole_sync::files::Gathering;
///
/// let paths = [folder.join("plan.txt"), folder.join("spoons")];
/// let source = Gathering::new().named("escape").ignoring_unsendable().paths(&paths).unwrap();
/// assert_eq!(source.name(), "escape");
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Gathering {
    name: Option<String>,
    ignores_unsendable: bool,
}

impl Gathering {
    /// Names come from the paths, and an entry that cannot be sent is an error.
    ///
    /// ```
    /// use wormhole_sync::files::Gathering;
    ///
    /// assert!(Gathering::new().path("no such file").is_err());
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Offers what is sent under a name of its own: one that is no path.
    ///
    /// ```
    /// use wormhole_sync::files::Gathering;
    ///
    /// assert!(Gathering::new().named("a/b").path(".").is_err());
    /// ```
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Leaves out what cannot be sent inside a directory or among several paths: what cannot be read, has
    /// a name that is not UTF-8, or is a link to nothing or to a directory that it lies in. It stands in
    /// [`Source::left_out`] afterwards, where named pipes, sockets and devices stand in any case.
    ///
    /// ```
    /// use wormhole_sync::files::Gathering;
    ///
    /// // What is left of nothing is nothing.
    /// assert!(Gathering::new().ignoring_unsendable().path("no such file").is_err());
    /// ```
    #[must_use]
    pub const fn ignoring_unsendable(mut self) -> Self {
        self.ignores_unsendable = true;
        self
    }

    /// A file, a directory, or a block device with all that is on it.
    ///
    /// A file is open from here on: it may be renamed or deleted before it is sent. Directories are walked
    /// here, and their files opened one after the other while they are sent.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # std::fs::create_dir(folder.path().join("spoons"))?;
    /// # let path = folder.path().join("spoons");
    /// use wormhole_sync::files::Gathering;
    ///
    /// assert_eq!(Gathering::new().path(path).unwrap().name(), "spoons");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn path(&self, path: impl AsRef<Path>) -> Result<Source, SourceError> {
        let path = path.as_ref();
        let metadata =
            fs::metadata(path).map_err(|error| unsendable(path, walk::unreadable(path, error)))?;
        let name = self.name.clone().map_or_else(|| name_of(path), proper_name)?;
        if metadata.is_dir() {
            let mut walk = Walk::new(self.ignores_unsendable);
            walk.visit(&mut path.to_owned(), &mut String::new())?;
            return directory(name, walk, Roots::One(path.to_owned()));
        }
        let is_device = platform::is_block_device(metadata.file_type());
        if !metadata.is_file() && !is_device {
            let reason = Reason::Special(platform::special(metadata.file_type()));
            return Err(unsendable(path, reason));
        }
        let opened = if is_device {
            Content::device(path)
        } else {
            Content::open(path.to_owned(), metadata.len())
        };
        // Nothing has been announced of it yet, so that nothing can have changed.
        let opened = opened.map_err(|error| match error {
            SourceError::Lost { path, error } => unsendable(&path, Reason::Unreadable(error)),
            other => other,
        })?;
        Ok(Source { name, kind: Kind::File(opened), left_out: Vec::new() })
    }

    /// Several files and directories, offered as one directory, for that is what every receiver knows. Its
    /// name, unless one is given, is that of the first and how many more there are: the name of the
    /// directory that they are in may be its owner's, and is not told.
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path();
    /// # for name in ["map.png", "plan.txt"] { std::fs::write(folder.join(name), "")?; }
    /// use wormhole_sync::files::Gathering;
    ///
    /// let paths = [folder.join("map.png"), folder.join("plan.txt")];
    /// assert_eq!(Gathering::new().paths(&paths).unwrap().name(), "map.png and 1 more");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn paths<P: AsRef<Path>>(&self, paths: &[P]) -> Result<Source, SourceError> {
        let (first, more) = match paths {
            [] => return Err(SourceError::Nothing),
            [only] => return self.path(only),
            [first, more @ ..] => (first.as_ref(), more.len()),
        };
        let name = match &self.name {
            Some(name) => proper_name(name.clone())?,
            None => format!("{} and {more} more", shortened(&name_of(first)?)),
        };
        let mut walk = Walk::new(self.ignores_unsendable);
        let mut roots = BTreeMap::new();
        for path in paths.iter().map(AsRef::as_ref) {
            let mut top = name_of(path)?;
            match roots.entry(top.clone()) {
                Entry::Vacant(vacant) => vacant.insert(path.to_owned()),
                Entry::Occupied(_) => return Err(SourceError::SameName(top)),
            };
            walk.visit(&mut path.to_owned(), &mut top)?;
        }
        directory(name, walk, Roots::Several(roots))
    }
}

fn directory(name: String, walk: Walk, roots: Roots) -> Result<Source, SourceError> {
    let Walk { archive, bytes, files, mut left_out, .. } = walk;
    if archive.len() == 0 && !left_out.is_empty() {
        return Err(SourceError::Unsendable(left_out.swap_remove(0)));
    }
    Ok(Source { name, kind: Kind::Directory { archive, roots, bytes, files }, left_out })
}

/// The name of a path as it was typed, even if it is a link; of `.` and the like, that of the directory meant.
fn name_of(path: &Path) -> Result<String, SourceError> {
    let name = match path.file_name() {
        Some(name) => Some(name.to_owned()),
        None => path.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_owned())),
    };
    let Some(name) = name else {
        return Err(SourceError::Name(path.to_string_lossy().into_owned()));
    };
    name.into_string().map_err(|_| unsendable(path, Reason::NotUtf8))
}

pub(super) fn proper_name(name: String) -> Result<String, SourceError> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(SourceError::Name(name));
    }
    Ok(name)
}

/// As much of a name as leaves room for more: 200 bytes at the most, where file systems take 255.
fn shortened(name: &str) -> &str {
    (0..=200).rev().find_map(|end| name.get(..end)).unwrap_or(name)
}

fn unsendable(path: &Path, reason: Reason) -> SourceError {
    SourceError::Unsendable(Unsendable { path: path.to_owned(), reason })
}
