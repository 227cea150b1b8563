//! Components from functions.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, Ident, ItemFn, Lit, Meta, Pat, PatType, Result,
    ReturnType, Type,
};

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Metric,
    Filter,
    Flag,
    GroupFlag,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Value,
    Group,
    Time,
}

struct Argument {
    name: Ident,
    /// The type of a value; of a group flag that of an item of the slice.
    of_type: TokenStream,
    purpose: Purpose,
    optional: bool,
    /// Whether it is `&str`.
    text: bool,
}

pub fn define(role: Role, mut function: ItemFn) -> Result<TokenStream> {
    let (mut arguments, mut parameters) = (Vec::new(), None);
    let count = function.sig.inputs.len();
    for (place, argument) in function.sig.inputs.iter_mut().enumerate() {
        let FnArg::Typed(argument) = argument else {
            return Err(Error::new_spanned(argument, "a component is a function without `self`"));
        };
        match parameter_type(argument) {
            Some(of_type) if place + 1 == count => parameters = Some(of_type),
            Some(_) => {
                return Err(Error::new_spanned(argument, "parameters are the last argument"));
            }
            None => arguments.push(read_argument(role, argument)?),
        }
    }
    if arguments.is_empty() {
        return Err(Error::new_spanned(&function.sig, "a component reads at least one column"));
    }
    Ok(generate(role, &function, &arguments, parameters.as_ref()))
}

/// The type of parameters, if the argument has them: a reference to a type other than `str` and slices.
fn parameter_type(argument: &PatType) -> Option<Type> {
    let Type::Reference(reference) = &*argument.ty else { return None };
    match &*reference.elem {
        Type::Path(path) if !path.path.is_ident("str") => Some(Type::Path(path.clone())),
        _ => None,
    }
}

fn read_argument(role: Role, argument: &mut PatType) -> Result<Argument> {
    let Pat::Ident(name) = &*argument.pat else {
        return Err(Error::new_spanned(argument, "an input has a name"));
    };
    let (mut purpose, mut optional) = (Purpose::Value, false);
    let mut known = |attribute: &Attribute| {
        let path = attribute.path();
        if path.is_ident("group") {
            purpose = Purpose::Group;
        } else if path.is_ident("time") {
            purpose = Purpose::Time;
        } else if path.is_ident("optional") {
            optional = true;
        } else {
            return true;
        }
        false
    };
    let name = name.ident.clone();
    argument.attrs.retain(|attribute| known(attribute));
    let text = is_text(&argument.ty);
    let slices = role == Role::GroupFlag && purpose != Purpose::Group;
    let of_type = match (&*argument.ty, slices) {
        (Type::Reference(reference), true) => match &*reference.elem {
            Type::Slice(slice) => {
                let item = &slice.elem;
                quote!(#item)
            }
            _ => {
                return Err(Error::new_spanned(&argument.ty, "a slice, such as `&[Option<&str>]`"));
            }
        },
        (_, true) => {
            return Err(Error::new_spanned(&argument.ty, "a slice, such as `&[Option<&str>]`"));
        }
        (of_type, false) => quote!(#of_type),
    };
    Ok(Argument { name, of_type, purpose, optional, text })
}

fn is_text(of_type: &Type) -> bool {
    let Type::Reference(reference) = of_type else { return false };
    matches!(&*reference.elem, Type::Path(path) if path.path.is_ident("str"))
}

/// The text of documentation comments, as one paragraph.
pub fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("doc") => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    });
    let lines: Vec<String> = lines.collect();
    lines.join(" ").trim().to_owned()
}

fn generate(
    role: Role,
    function: &ItemFn,
    arguments: &[Argument],
    parameters: Option<&Type>,
) -> TokenStream {
    let macros = quote!(anomal_pack::macros);
    let name = &function.sig.ident;
    let (definition, text) = (format_ident!("__anomal_{name}"), name.to_string());
    let description = documentation(&function.attrs);
    let description =
        if description.is_empty() { format!("The component {name}.") } else { description };
    let inputs = arguments.iter().map(|argument| {
        let Argument { name, of_type, purpose, optional, .. } = argument;
        let name = name.to_string();
        // An argument that is only there to sort rows.
        let (name, purpose) = (name.trim_start_matches('_'), *purpose as u8);
        quote! {
            #macros::InputDefinition {
                name: #name,
                kinds: <#of_type as #macros::Argument>::KINDS,
                purpose: #purpose,
                optional: #optional,
            }
        }
    });
    let of_parameters = match parameters {
        Some(parameters) => quote!(#parameters),
        None => quote!(#macros::NoParameters),
    };
    let distinct = role != Role::GroupFlag && arguments.len() == 1 && arguments[0].text;
    let returned = match &function.sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, of_type) => quote!(#of_type),
    };
    let (role_name, output) = match role {
        Role::Metric => (quote!(Metric), quote!(Some(<#returned as #macros::Output>::KIND))),
        Role::Filter => (quote!(Filter), quote!(None)),
        Role::Flag => (quote!(Flag), quote!(None)),
        Role::GroupFlag => (quote!(GroupFlag), quote!(None)),
    };
    let method = method(role, name, arguments, parameters.is_some(), &returned);
    quote! {
        #function

        #[doc(hidden)]
        #[allow(non_upper_case_globals, dead_code)]
        pub static #definition: #macros::Definition = #macros::Definition {
            name: #text,
            role: #macros::Role::#role_name,
            description: #description,
            inputs: &[#(#inputs),*],
            schema: <#of_parameters as #macros::Parameters>::schema,
            output: #output,
            distinct: #distinct,
            prepare: |parameters| {
                struct PreparedTask(#of_parameters);

                impl #macros::Task for PreparedTask {
                    #method
                }

                let parameters = <#of_parameters as #macros::Parameters>::parse(parameters)?;
                Ok(Box::new(PreparedTask(parameters)))
            },
        };
    }
}

fn method(
    role: Role,
    name: &Ident,
    arguments: &[Argument],
    with_parameters: bool,
    returned: &TokenStream,
) -> TokenStream {
    let macros = quote!(anomal_pack::macros);
    let views: Vec<Ident> = arguments
        .iter()
        .map(|argument| format_ident!("view_{}", argument.name.to_string().trim_start_matches('_')))
        .collect();
    let places = 0..arguments.len();
    let read_views = quote!(#(let #views = inputs.view(#places);)*);
    let names: Vec<&Ident> = arguments.iter().map(|argument| &argument.name).collect();
    let types: Vec<&TokenStream> = arguments.iter().map(|argument| &argument.of_type).collect();
    let last = with_parameters.then(|| quote!(&self.0));
    let value = quote! {
        (|| {
            #(let #names = <#types as #macros::Argument>::get(&#views, row)?;)*
            Some(#name(#(#names,)* #last))
        })()
    };
    match role {
        Role::Metric => quote! {
            fn metric(&self, inputs: &#macros::Inputs<'_>) -> Result<#macros::WireColumn, String> {
                #read_views
                type Column = <#returned as #macros::Output>::Column;
                let rows = inputs.rows();
                let mut column = <Column as #macros::OutputColumn<#returned>>::with_rows(rows);
                for row in 0..rows {
                    #macros::OutputColumn::<#returned>::push(&mut column, #value);
                }
                Ok(#macros::OutputColumn::<#returned>::finish(column))
            }
        },
        Role::Filter => quote! {
            fn filter(&self, inputs: &#macros::Inputs<'_>) -> Result<Vec<u8>, String> {
                #read_views
                let mut bits = #macros::Bits::default();
                for row in 0..inputs.rows() {
                    bits.push(#value == Some(true));
                }
                Ok(bits.into_bytes())
            }
        },
        Role::Flag => quote! {
            fn flag(&self, inputs: &#macros::Inputs<'_>) -> Result<#macros::Hits, String> {
                #read_views
                let mut hits = #macros::HitsBuilder::default();
                for row in 0..inputs.rows() {
                    if let Some(found) = #value {
                        #macros::flag_result(&mut hits, row, found);
                    }
                }
                Ok(hits.finish())
            }
        },
        Role::GroupFlag => {
            let passed = arguments.iter().zip(&views).map(|(argument, view)| {
                let (name, of_type) = (&argument.name, &argument.of_type);
                if argument.purpose == Purpose::Group {
                    quote! {
                        let Some(#name) = <#of_type as #macros::Argument>::get(&#view, first) else { continue };
                    }
                } else {
                    quote! {
                        let #name: Vec<#of_type> = (first..end)
                            .map(|row| <#of_type as #macros::Argument>::get(&#view, row).unwrap_or_default())
                            .collect();
                        let #name = #name.as_slice();
                    }
                }
            });
            quote! {
                fn group_flag(&self, inputs: &#macros::Inputs<'_>, bounds: &[usize]) -> Result<#macros::Hits, String> {
                    #read_views
                    let mut hits = #macros::HitsBuilder::default();
                    for group in bounds.windows(2) {
                        let (first, end) = (group[0], group[1]);
                        #(#passed)*
                        for (row, found) in #name(#(#names,)* #last) {
                            hits.push(first + row, &found);
                        }
                    }
                    Ok(hits.finish())
                }
            }
        }
    }
}
