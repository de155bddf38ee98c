//! What a component imports and exports.

use wasmtime::Engine;
use wasmtime::component::types::{ComponentExtern, ComponentFunc, ComponentItem, Type};

/// Something that a component imports or exports at its top: most often an instance of an
/// interface.
#[derive(Clone, Debug)]
pub struct Interface {
    /// `tools:database/database@0.1.0`, or the plain name of a function.
    pub name: String,
    /// Its functions.
    pub functions: Vec<Function>,
    /// The function that it is itself, where it is one.
    pub own: Option<Function>,
    /// Whether it holds anything but functions and types of values: resources, modules.
    pub holds_more: bool,
}

/// A function with its type.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its label.
    pub name: String,
    /// Its type.
    pub of: ComponentFunc,
}

/// The items at the top of a component.
pub(super) fn interfaces<'a>(
    engine: &Engine,
    items: impl Iterator<Item = (&'a str, ComponentExtern<'a>)>,
) -> Vec<Interface> {
    items
        .filter_map(|(name, item)| {
            let mut interface = Interface {
                name: name.to_owned(),
                functions: Vec::new(),
                own: None,
                holds_more: false,
            };
            match item.ty {
                ComponentItem::ComponentInstance(instance) => {
                    for (name, item) in instance.exports(engine) {
                        match item.ty {
                            ComponentItem::ComponentFunc(of) => {
                                let name = name.to_owned();
                                interface.functions.push(Function { name, of });
                            }
                            ComponentItem::Type(_) => {}
                            _ => interface.holds_more = true,
                        }
                    }
                }
                ComponentItem::ComponentFunc(of) => {
                    let name = name.to_owned();
                    interface.own = Some(Function { name, of });
                }
                // A type of values alone asks for nothing.
                ComponentItem::Type(_) => return None,
                _ => interface.holds_more = true,
            }
            Some(interface)
        })
        .collect()
}

/// Whether a function is `main` of the world `script`.
pub(super) fn is_main(of: &ComponentFunc) -> bool {
    let mut parameters = of.params().map(|(_, of)| of);
    let mut results = of.results();
    let takes_texts = match (parameters.next(), parameters.next()) {
        (Some(Type::List(items)), None) => items.ty() == Type::String,
        _ => false,
    };
    let answers = match (results.next(), results.next()) {
        (Some(Type::Result(result)), None) => {
            result.ok() == Some(Type::String) && result.err() == Some(Type::String)
        }
        _ => false,
    };
    takes_texts && answers
}
