//! The mounts as one tree that begins at `/`.
//!
//! A node of the tree is a mount, or a folder on the way to one. What is not a node is in the
//! innermost mount around it. So a folder of the host shows mounts inside it, and hides what
//! the host has there.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::PATH;
use super::seam::{Answer, Folder, Kind, off_the_loop};
use wxmcp_run::Access;

/// Most links that one path leads through, as on Linux.
const LINKS: u32 = 40;

/// All mounts of an instance.
pub(crate) struct Tree {
    /// The first is `/`.
    nodes: Vec<Node>,
    /// The mounts in the order in which they were made.
    mounts: Vec<(String, NodeId)>,
    /// Whether a mount that blocks has another inside: then going along a path may block.
    blocks: bool,
}

/// The place of a node in the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NodeId(usize);

#[derive(Default)]
struct Node {
    parent: usize,
    children: BTreeMap<String, usize>,
    mount: Option<Mounted>,
    /// The innermost mount around a node that is none itself, and the path from there.
    around: Option<(Mounted, String)>,
}

/// A folder, and what the guest may do in it.
#[derive(Clone)]
pub(super) struct Mounted {
    pub(super) folder: Arc<dyn Folder>,
    pub(super) access: Access,
}

/// Where a folder of the guest is.
#[derive(Clone)]
pub(super) enum Place {
    /// At a node of the tree.
    Node(NodeId),
    /// Inside a mount.
    Inside(Mounted),
}

/// What a path leads to.
pub(super) enum Target {
    /// A node of the tree.
    Node(NodeId),
    /// Something inside a mount, by its path there.
    Inside(Mounted, String),
}

impl Tree {
    /// A tree without mounts.
    pub(super) fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
            mounts: Vec::new(),
            blocks: false,
        }
    }

    /// Puts a folder at an absolute path of the guest, who begins with a handle of it.
    pub(super) fn mount(&mut self, path: &str, mounted: Mounted) {
        let node = self.put(path, mounted);
        self.mounts.push((path.to_owned(), node));
    }

    /// Puts a folder at an absolute path of the guest, who finds it from `/`.
    pub(super) fn put(&mut self, path: &str, mounted: Mounted) -> NodeId {
        let mut at = 0;
        for name in path.split('/').filter(|name| !matches!(*name, "" | ".")) {
            at = self.child_or_new(at, name);
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.mount = Some(mounted);
        }
        self.surround(0, None);
        self.blocks = self
            .nodes
            .iter()
            .filter(|node| node.has_inner())
            .any(|node| {
                let inside = node.inside("");
                inside.is_some_and(|(mount, _)| mount.folder.blocks())
            });
        NodeId(at)
    }

    fn child_or_new(&mut self, at: usize, name: &str) -> usize {
        let next = self.nodes.len();
        let Some(node) = self.nodes.get_mut(at) else {
            return at;
        };
        if let Some(child) = node.children.get(name) {
            return *child;
        }
        node.children.insert(name.to_owned(), next);
        self.nodes.push(Node {
            parent: at,
            ..Node::default()
        });
        next
    }

    /// Tells each node below one which mount is around it.
    fn surround(&mut self, at: usize, around: Option<(Mounted, String)>) {
        let Some(node) = self.nodes.get_mut(at) else {
            return;
        };
        let inner = match &node.mount {
            Some(mount) => Some((mount.clone(), String::new())),
            None => around.clone(),
        };
        node.around = around.filter(|_| node.mount.is_none());
        for (name, child) in node.children.clone() {
            let inner = inner.clone().map(|(mount, path)| {
                let slash = if path.is_empty() { "" } else { "/" };
                (mount, format!("{path}{slash}{name}"))
            });
            self.surround(child, inner);
        }
    }

    /// Whether there is a folder at an absolute path.
    pub(super) fn has_folder(&self, path: &str) -> bool {
        match self.walk(
            &self.root(),
            &format!("./{}", path.trim_start_matches('/')),
            true,
        ) {
            Ok(Target::Node(_)) => true,
            Ok(Target::Inside(mounted, path)) => {
                let found = mounted.folder.stat(&path, true);
                found.is_ok_and(|found| found.kind == Kind::Folder)
            }
            Err(_) => false,
        }
    }

    /// The handles that a guest begins with: the mounts, and `/`.
    pub(super) fn roots(&self) -> Vec<(Place, String)> {
        let mut roots: Vec<_> = self
            .mounts
            .iter()
            .map(|(path, node)| (self.place(*node), path.clone()))
            .collect();
        if self.nodes.first().is_some_and(|root| root.mount.is_none()) {
            roots.push((Place::Node(NodeId(0)), "/".to_owned()));
        }
        roots
    }

    /// The place of `/`.
    pub(super) fn root(&self) -> Place {
        self.place(NodeId(0))
    }

    /// A node as the place of a handle: a mount without others inside is that folder alone.
    pub(super) fn place(&self, NodeId(node): NodeId) -> Place {
        match self.nodes.get(node) {
            Some(Node {
                children,
                mount: Some(mount),
                ..
            }) if children.is_empty() => Place::Inside(mount.clone()),
            _ => Place::Node(NodeId(node)),
        }
    }

    /// What a path leads to that is relative to a folder of the guest. `follow` says whether a link at
    /// its end is followed.
    ///
    /// # Errors
    /// When it is none, or leads out of the folder as far as the tree can see: folders inside
    /// mounts refuse the rest.
    pub(super) async fn resolve(
        self: &Arc<Self>,
        place: &Place,
        path: &str,
        follow: bool,
    ) -> Answer<Target> {
        match place {
            Place::Node(_) if self.blocks => {
                let (tree, place, path) = (Arc::clone(self), place.clone(), path.to_owned());
                off_the_loop(true, move || tree.walk(&place, &path, follow)).await
            }
            _ => self.walk(place, path, follow),
        }
    }

    /// The same, on this thread.
    pub(super) fn walk(&self, place: &Place, path: &str, follow: bool) -> Answer<Target> {
        if path.len() > PATH {
            return Err(ErrorCode::NameTooLong);
        }
        if path.is_empty() {
            return Err(ErrorCode::NoEntry);
        }
        if path.contains('\0') {
            return Err(ErrorCode::Invalid);
        }
        let NodeId(start) = match place {
            Place::Inside(mounted) => {
                return Ok(Target::Inside(mounted.clone(), path.to_owned()));
            }
            Place::Node(node) => *node,
        };
        if path.starts_with('/') {
            return Err(ErrorCode::NotPermitted);
        }
        let walk = Walk {
            tree: self,
            start,
            at: start,
            below: Vec::new(),
            end: "",
            links: 0,
            follow,
        };
        walk.along(path)
    }

    /// The mount at a node, or the one around it with the path to what that has there.
    pub(super) fn behind(&self, NodeId(node): NodeId) -> Option<(Mounted, String)> {
        let node = self.nodes.get(node)?;
        match &node.mount {
            Some(mount) => Some((mount.clone(), ".".to_owned())),
            None => node.around.clone(),
        }
    }

    /// The names that the tree itself has at a node.
    pub(super) fn names(&self, NodeId(node): NodeId) -> Vec<String> {
        let node = self.nodes.get(node);
        node.map_or_else(Vec::new, |node| node.children.keys().cloned().collect())
    }
}

/// A path of the guest, gone name by name. Once it leaves the nodes of the tree for a mount that has
/// others inside, links and `..` are followed here: the mount's folder would follow them to what the
/// inner mounts hide.
struct Walk<'t> {
    tree: &'t Tree,
    /// The node that the path begins at.
    start: usize,
    /// The node that it has come to.
    at: usize,
    /// Names from there on, of folders but for the last one.
    below: Vec<String>,
    /// What the path ends with behind the last of them: `/` or `/.` say that it is a folder.
    end: &'static str,
    links: u32,
    /// Whether a link at the end is followed.
    follow: bool,
}

impl Walk<'_> {
    fn along(mut self, path: &str) -> Answer<Target> {
        let mut rest = path.to_owned();
        while !rest.is_empty() {
            let (name, behind) = rest.split_once('/').unwrap_or((&rest, ""));
            let node = self.tree.nodes.get(self.at).ok_or(ErrorCode::NoEntry)?;
            let child = node.children.get(name).filter(|_| self.below.is_empty());
            let mut next = behind.to_owned();
            match name {
                "" => {}
                "." => self.end = "/.",
                ".." => {
                    self.up(node)?;
                    self.end = "/.";
                }
                _ => match child {
                    Some(child) => self.at = *child,
                    None if !node.has_inner() => {
                        let (mount, path) = node.inside(&rest).ok_or(ErrorCode::NoEntry)?;
                        return Ok(Target::Inside(mount, path));
                    }
                    None => {
                        self.end = if behind.is_empty() && rest.ends_with('/') {
                            "/"
                        } else {
                            ""
                        };
                        self.below.push(name.to_owned());
                        let is_last = behind.trim_matches('/').is_empty();
                        if (!is_last || self.follow)
                            && let Some(target) = self.link(node, is_last)?
                        {
                            let slash = if rest.contains('/') { "/" } else { "" };
                            next = format!("{target}{slash}{behind}");
                        }
                    }
                },
            }
            rest = next;
        }
        let node = self.tree.nodes.get(self.at).ok_or(ErrorCode::NoEntry)?;
        if !self.below.is_empty() {
            let below = format!("{}{}", self.below.join("/"), self.end);
            let (mount, path) = node.inside(&below).ok_or(ErrorCode::NoEntry)?;
            return Ok(Target::Inside(mount, path));
        }
        match self.tree.place(NodeId(self.at)) {
            Place::Inside(mounted) => Ok(Target::Inside(mounted, ".".to_owned())),
            Place::Node(node) => Ok(Target::Node(node)),
        }
    }

    fn up(&mut self, node: &Node) -> Answer<()> {
        if self.below.pop().is_none() {
            // No link leads out of the mount that it is in.
            let leaves_mount = self.links > 0 && node.mount.is_some();
            if self.at == self.start || leaves_mount {
                return Err(ErrorCode::NotPermitted);
            }
            self.at = node.parent;
        }
        Ok(())
    }

    /// Where a link leads whose name was gone to last; none of what is no link.
    fn link(&mut self, node: &Node, is_last: bool) -> Answer<Option<String>> {
        let below = self.below.join("/");
        let (mount, path) = node.inside(&below).ok_or(ErrorCode::NoEntry)?;
        match mount.folder.stat(&path, false).map(|found| found.kind) {
            Ok(Kind::Link) => {}
            Ok(Kind::Folder) => return Ok(None),
            // A file, or one that is made now.
            Ok(_) | Err(ErrorCode::NoEntry) if is_last => return Ok(None),
            Ok(_) => return Err(ErrorCode::NotDirectory),
            Err(error) => return Err(error),
        }
        self.links = self.links.saturating_add(1);
        if self.links > LINKS {
            return Err(ErrorCode::Loop);
        }
        let target = mount.folder.read_link(&path)?;
        if target.starts_with('/') {
            return Err(ErrorCode::NotPermitted);
        }
        self.below.pop();
        Ok(Some(target))
    }
}

impl Node {
    /// Whether it is in a mount that has others inside, here or below.
    fn has_inner(&self) -> bool {
        !self.children.is_empty() && (self.mount.is_some() || self.around.is_some())
    }

    /// A path from here in the mount that is here or around.
    fn inside(&self, rest: &str) -> Option<(Mounted, String)> {
        match (&self.mount, &self.around) {
            (Some(mount), _) => Some((mount.clone(), rest.to_owned())),
            (None, Some((mount, path))) => Some((mount.clone(), format!("{path}/{rest}"))),
            (None, None) => None,
        }
    }
}

impl Place {
    /// The folder itself as a target.
    pub(super) fn target(&self) -> Target {
        match self {
            Self::Node(node) => Target::Node(*node),
            Self::Inside(mounted) => Target::Inside(mounted.clone(), ".".to_owned()),
        }
    }
}

impl NodeId {
    /// A number for it, different from those of other nodes.
    pub(super) fn number(self) -> u64 {
        u64::try_from(self.0).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::memory;
    use crate::files::seam::Open;

    const ROOM: u64 = 1 << 20;

    #[test]
    #[expect(clippy::too_many_lines, reason = "one table of cases")]
    fn the_tree_leads_into_the_innermost_mount() {
        let mut tree = Tree::new();
        let mounted = |device: u64, access| Mounted {
            folder: memory::root(
                ROOM,
                device,
                &wxmcp_run::Ledger::unbounded(),
                &wxmcp_run::Clocks::Live,
            ),
            access,
        };
        let outer = mounted(1, Access::ReadWrite);
        for path in ["x", "a", "a/in"] {
            outer.folder.make_folder(path, 0o755).unwrap();
        }
        let new = Open {
            write: true,
            create: true,
            ..Open::default()
        };
        assert!(outer.folder.open("file", &new).is_ok());
        for (target, path) in [
            (".", "here"),
            ("../a", "x/up"),
            ("../..", "x/out"),
            ("loop", "loop"),
            ("x/new", "dangling"),
        ] {
            outer.folder.make_link(target, path).unwrap();
        }
        tree.mount("/data", outer);
        tree.mount("/data/a/in", mounted(2, Access::ReadOnly));
        tree.mount("/deep/er", mounted(3, Access::ReadOnly));
        let roots = tree.roots();
        let paths: Vec<_> = roots.iter().map(|(_, path)| path.as_str()).collect();
        assert_eq!(paths, ["/data", "/data/a/in", "/deep/er", "/"]);
        let root = &roots[3].0;
        let leads = |from: &Place, path: &str| {
            tree.walk(from, path, true).map(|target| match target {
                Target::Node(node) => format!("node of {}", tree.names(node).join(" ")),
                Target::Inside(mounted, path) => {
                    let (device, _) = mounted.folder.stat(".", true).unwrap().identity;
                    format!("{device}:{path}")
                }
            })
        };
        for (path, wanted) in [
            (".", "node of data deep"),
            ("data", "node of a"),
            ("data/", "node of a"),
            ("data/x/y", "1:x/y"),
            ("data/a", "node of in"),
            ("data/a/x", "1:a/x"),
            ("data/a/in", "2:."),
            ("data/a/in/x/../y", "2:x/../y"),
            ("./data//a/./in/../x", "1:a/x"),
            ("deep", "node of er"),
            ("deep/er/..", "node of er"),
            ("deep/er/x/../..", "3:x/../.."),
            ("deep/../data/x", "1:x"),
            // What the inner mount hides has no other name.
            ("data/x/../a/in/f", "2:f"),
            ("data/x/../a/../a/in", "2:."),
            ("data/x/.././a", "node of in"),
            ("data/x/..", "node of a"),
            ("data/a/y/../in/f", "no such entry"),
            ("data/here/a/in/f", "2:f"),
            ("data/here", "node of a"),
            ("data/x/up/in/f", "2:f"),
            ("data/x/up", "node of in"),
            ("data/x/up/y", "1:a/y"),
            ("data/dangling", "1:x/new"),
            ("data/x/", "1:x/"),
            ("data/x/.", "1:x/."),
        ] {
            let found = match leads(root, path) {
                Err(ErrorCode::NoEntry) => "no such entry".to_owned(),
                found => found.unwrap(),
            };
            assert_eq!(found, wanted, "{path}");
        }
        for path in ["data/here", "data/x/up/", "data/x/out"] {
            let itself = match tree.walk(root, path, false) {
                Ok(Target::Inside(_, itself)) => itself,
                _ => panic!("a link itself"),
            };
            assert_eq!(format!("data/{itself}"), path);
        }
        let Ok(Target::Node(data)) = tree.walk(root, "data", true) else {
            panic!("a node");
        };
        for (from, path, wanted) in [
            (root, "", ErrorCode::NoEntry),
            (root, "x", ErrorCode::NoEntry),
            (root, "deep/x", ErrorCode::NoEntry),
            (root, "..", ErrorCode::NotPermitted),
            (root, "data/../..", ErrorCode::NotPermitted),
            (root, "/data", ErrorCode::NotPermitted),
            (root, "da\0ta", ErrorCode::Invalid),
            (root, "data/x/out", ErrorCode::NotPermitted),
            (root, "data/here/../x", ErrorCode::NotPermitted),
            (root, "data/file/../x", ErrorCode::NotDirectory),
            (root, "data/missing/../x", ErrorCode::NoEntry),
            (root, "data/loop", ErrorCode::Loop),
            (root, &"x/".repeat(3_000), ErrorCode::NameTooLong),
            (&Place::Node(data), "../deep", ErrorCode::NotPermitted),
        ] {
            assert_eq!(leads(from, path), Err(wanted), "{path}");
        }
    }
}
