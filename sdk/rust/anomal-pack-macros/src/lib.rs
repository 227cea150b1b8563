//! The macros of anomal-pack: see its documentation.

mod component;
mod parameters;

use proc_macro::TokenStream;
use quote::{format_ident, quote};
use syn::{Ident, ItemFn, Token, parse_macro_input, punctuated::Punctuated};

use component::Role;

/// A metric: a value for each row, from the values of columns. Returns `i64`, `f64`, `bool`, `String` or `Datetime`, or an
/// `Option` of one. The documentation of the function is the description of the metric.
#[proc_macro_attribute]
pub fn metric(_: TokenStream, item: TokenStream) -> TokenStream {
    define(Role::Metric, item)
}

/// A filter: returns whether a row is removed.
#[proc_macro_attribute]
pub fn filter(_: TokenStream, item: TokenStream) -> TokenStream {
    define(Role::Filter, item)
}

/// A flag: returns `Option<String>`, what was found if the row is hit, or `bool`.
#[proc_macro_attribute]
pub fn flag(_: TokenStream, item: TokenStream) -> TokenStream {
    define(Role::Flag, item)
}

/// A flag of groups: gets the rows of a group, sorted by time, as slices, and returns the rows that are hit, in ascending
/// order, with what was found: `Vec<(usize, String)>`. Arguments with `#[group]`, of type `&str`, are the key of groups; one
/// with `#[time]`, of type `&[Option<Datetime>]`, is the time; the others are slices such as `&[Option<&str>]`.
#[proc_macro_attribute]
pub fn group_flag(_: TokenStream, item: TokenStream) -> TokenStream {
    define(Role::GroupFlag, item)
}

fn define(role: Role, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as ItemFn);
    component::define(role, function).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// Parameters of a component: fields of type `i64`, `f64`, `bool`, `String`, `Vec<String>`, or an `Option` of one, with
/// `#[parameter(default = …, minimum = …, maximum = …)]`. The documentation of a field is the description of the parameter.
#[proc_macro_derive(Parameters, attributes(parameter))]
pub fn derive_parameters(item: TokenStream) -> TokenStream {
    let item = parse_macro_input!(item as syn::DeriveInput);
    parameters::derive(&item).unwrap_or_else(|error| error.to_compile_error()).into()
}

/// The components of a pack. Once in a crate of type `cdylib`.
#[proc_macro]
pub fn pack(items: TokenStream) -> TokenStream {
    let names = parse_macro_input!(items with Punctuated::<Ident, Token![,]>::parse_terminated);
    let definitions = names.iter().map(|name| format_ident!("__anomal_{name}"));
    let name = quote!(anomal_pack::macros);
    quote! {
        struct AnomalPack;

        const _: () = {
            use #name::bindings::exports::anomal::pack::guest as world;
            type Column = world::Column;

            const DEFINITIONS: &[&#name::Definition] = &[#(&#definitions),*];

            impl world::Guest for AnomalPack {
                fn describe() -> Vec<world::Component> {
                    #name::Guest::describe(DEFINITIONS)
                }

                fn prepare(component: String, parameters: String) -> Result<(), world::Problem> {
                    #name::Guest::prepare(DEFINITIONS, &component, &parameters)
                }

                fn metric(inputs: Vec<Option<Column>>) -> Result<Column, String> {
                    #name::Guest::metric(&inputs)
                }

                fn filter(inputs: Vec<Option<Column>>) -> Result<Vec<u8>, String> {
                    #name::Guest::filter(&inputs)
                }

                fn flag(inputs: Vec<Option<Column>>) -> Result<world::Hits, String> {
                    #name::Guest::flag(&inputs)
                }

                fn group_flag(inputs: Vec<Option<Column>>, groups: Vec<u8>) -> Result<world::Hits, String> {
                    #name::Guest::group_flag(&inputs, &groups)
                }
            }
        };

        #[cfg(target_arch = "wasm32")]
        #name::export!(AnomalPack with_types_in #name::bindings);
    }
    .into()
}
