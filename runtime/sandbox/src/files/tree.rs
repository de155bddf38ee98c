//! The mounts as one tree that begins at `/`.
//!
//! A node of the tree is a mount, or a folder on the way to one. What is not a node is in the
//! innermost mount around it. So a folder of the host shows mounts inside it, and hides what
//! the host has there.

use std::collections::BTreeMap;
use std::sync::Arc;

use wasmtime_wasi::p2::bindings::filesystem::types::ErrorCode;

use super::PATH;
use super::seam::{Answer, Folder};
use wxmcp_run::Access;

/// All mounts of an instance.
pub(super) struct Tree {
    /// The first is `/`.
    nodes: Vec<Node>,
    /// The mounts in the order in which they were made.
    mounts: Vec<(String, NodeId)>,
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
        }
    }

    /// Puts a folder at an absolute path of the guest.
    pub(super) fn mount(&mut self, path: &str, mounted: Mounted) {
        let mut at = 0;
        for name in path.split('/').filter(|name| !matches!(*name, "" | ".")) {
            at = self.child_or_new(at, name);
        }
        if let Some(node) = self.nodes.get_mut(at) {
            node.mount = Some(mounted);
            self.mounts.push((path.to_owned(), NodeId(at)));
        }
        self.surround(0, None);
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

    /// What a path leads to that is relative to a folder of the guest.
    ///
    /// # Errors
    /// When it is none, or leads out of the folder as far as the tree can see: folders inside
    /// mounts refuse the rest.
    pub(super) fn resolve(&self, place: &Place, path: &str) -> Answer<Target> {
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
        let (mut at, mut rest) = (start, path);
        while !rest.is_empty() {
            let (name, behind) = rest.split_once('/').unwrap_or((rest, ""));
            let node = self.nodes.get(at).ok_or(ErrorCode::NoEntry)?;
            match name {
                "" | "." => {}
                ".." if at == start => return Err(ErrorCode::NotPermitted),
                ".." => at = node.parent,
                _ => match node.children.get(name) {
                    Some(child) => at = *child,
                    None => return self.inside(node, rest),
                },
            }
            rest = behind;
        }
        match self.place(NodeId(at)) {
            Place::Inside(mounted) => Ok(Target::Inside(mounted, ".".to_owned())),
            Place::Node(node) => Ok(Target::Node(node)),
        }
    }

    /// A path from a node into the mount around it.
    fn inside(&self, node: &Node, rest: &str) -> Answer<Target> {
        match (&node.mount, &node.around) {
            (Some(mount), _) => Ok(Target::Inside(mount.clone(), rest.to_owned())),
            (None, Some((mount, path))) => {
                Ok(Target::Inside(mount.clone(), format!("{path}/{rest}")))
            }
            (None, None) => Err(ErrorCode::NoEntry),
        }
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
