//! Puts the metered module into its component, with the import of the host's side.
//!
//! The import and what is made of it come first, so everything of the same kinds has a higher
//! number behind it.

use super::roles::Shape;
use super::{GRANT, IMPORTS, INTERFACE, MeterError, NOTE, TAKE};
use wasm_encoder::reencode::{self, Reencode, ReencodeComponent, component_utils};
use wasm_encoder::{
    Alias, CanonicalFunctionSection, CanonicalOption, Component, ComponentAliasSection,
    ComponentExportKind, ComponentImportSection, ComponentSectionId, ComponentTypeRef,
    ComponentTypeSection, ComponentValType, ExportKind, InstanceSection, InstanceType, ModuleArg,
    PrimitiveValType, RawSection,
};

/// Our functions, and whether each answers a number.
const FUNCTIONS: [(&str, bool); 3] = [(GRANT, true), (TAKE, true), (NOTE, false)];

/// The component with another core module in place of its main one.
pub(super) fn with_main(
    bytes: &[u8],
    shape: &Shape,
    metered: &[u8],
) -> Result<Vec<u8>, MeterError> {
    let mut component = Component::new();
    import(&mut component);
    let mut splice = Splice {
        main: shape.main_number,
        metered,
        module: 0,
        depth: 0,
    };
    splice.parse_component(&mut component, wasmparser::Parser::new(0), bytes)?;
    Ok(component.finish())
}

/// Writes the import: one type, instance and core instance; three functions of either kind.
fn import(component: &mut Component) {
    let number = ComponentValType::Primitive(PrimitiveValType::S64);
    let mut interface = InstanceType::new();
    for ((name, answers), ty) in FUNCTIONS.into_iter().zip(0..) {
        let mut function = interface.ty().function();
        function.params([("left", number)]);
        function.result(answers.then_some(number));
        interface.export(name, ComponentTypeRef::Func(ty));
    }
    let mut types = ComponentTypeSection::new();
    types.instance(&interface);
    let mut imports = ComponentImportSection::new();
    imports.import(INTERFACE, ComponentTypeRef::Instance(0));
    let mut aliases = ComponentAliasSection::new();
    let mut lowered = CanonicalFunctionSection::new();
    let mut exports = Vec::new();
    for ((name, _), function) in FUNCTIONS.into_iter().zip(0..) {
        aliases.alias(Alias::InstanceExport {
            instance: 0,
            kind: ComponentExportKind::Func,
            name,
        });
        let options: [CanonicalOption; 0] = [];
        lowered.lower(function, options);
        exports.push((name, ExportKind::Func, function));
    }
    let mut instances = InstanceSection::new();
    instances.export_items(exports);
    component
        .section(&types)
        .section(&imports)
        .section(&aliases)
        .section(&lowered)
        .section(&instances);
}

/// Writes the component's own parts with their new numbers.
struct Splice<'x> {
    main: u32,
    metered: &'x [u8],
    /// The number of the next core module.
    module: u32,
    /// How many types and components are open around what is written.
    depth: u32,
}

impl Splice<'_> {
    /// The new number of something that is `outer` scopes further out, if `ours` of
    /// its kind are there before.
    fn moved(&self, index: u32, outer: u32, ours: u32) -> u32 {
        match self.depth == outer {
            true => index.saturating_add(ours),
            false => index,
        }
    }
}

impl Reencode for Splice<'_> {
    type Error = MeterError;

    fn function_index(&mut self, index: u32) -> Result<u32, reencode::Error<MeterError>> {
        Ok(self.moved(index, 0, 3))
    }
}

impl ReencodeComponent for Splice<'_> {
    fn component_type_index(&mut self, index: u32) -> u32 {
        self.moved(index, 0, 1)
    }

    fn component_instance_index(&mut self, index: u32) -> u32 {
        self.moved(index, 0, 1)
    }

    fn component_func_index(&mut self, index: u32) -> u32 {
        self.moved(index, 0, 3)
    }

    fn instance_index(&mut self, index: u32) -> u32 {
        self.moved(index, 0, 1)
    }

    fn outer_component_type_index(&mut self, count: u32, index: u32) -> u32 {
        self.moved(index, count, 1)
    }

    fn push_depth(&mut self) {
        self.depth = self.depth.saturating_add(1);
    }

    fn pop_depth(&mut self) {
        self.depth = self.depth.saturating_sub(1);
    }

    fn parse_component_submodule(
        &mut self,
        component: &mut Component,
        _: wasmparser::Parser,
        module: &[u8],
    ) -> Result<(), reencode::Error<MeterError>> {
        let is_main = self.module == self.main;
        self.module = self.module.saturating_add(1);
        component.section(&RawSection {
            id: ComponentSectionId::CoreModule.into(),
            data: if is_main { self.metered } else { module },
        });
        Ok(())
    }

    fn parse_instance(
        &mut self,
        instances: &mut InstanceSection,
        instance: wasmparser::Instance<'_>,
    ) -> Result<(), reencode::Error<MeterError>> {
        let wasmparser::Instance::Instantiate { module_index, args } = &instance else {
            return component_utils::parse_instance(self, instances, instance);
        };
        let mut arguments: Vec<_> = args
            .iter()
            .map(|argument| {
                let number = self.instance_index(argument.index);
                (argument.name, ModuleArg::Instance(number))
            })
            .collect();
        if *module_index == self.main {
            arguments.push((IMPORTS, ModuleArg::Instance(0)));
        }
        instances.instantiate(*module_index, arguments);
        Ok(())
    }

    // Names of parts, by their old numbers.
    fn parse_component_custom_section(
        &mut self,
        _: &mut Component,
        _: wasmparser::CustomSectionReader<'_>,
    ) -> Result<(), reencode::Error<MeterError>> {
        Ok(())
    }
}
