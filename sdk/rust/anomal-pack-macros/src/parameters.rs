//! `#[derive(Parameters)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Expr, Field, Fields, Result};

pub fn derive(item: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &item.data else {
        return Err(Error::new_spanned(item, "parameters are a struct"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new_spanned(item, "parameters have names"));
    };
    let (mut properties, mut values) = (Vec::new(), Vec::new());
    for field in &fields.named {
        let (property, value) = parameter(field)?;
        properties.push(property);
        values.push(value);
    }
    let name = &item.ident;
    let macros = quote!(anomal_pack::macros);
    Ok(quote! {
        impl #macros::Parameters for #name {
            fn schema() -> String {
                #macros::schema(&[#(#properties),*])
            }

            fn from_json(values: &[(String, #macros::Json)]) -> Result<Self, #macros::Problem> {
                Ok(Self { #(#values),* })
            }
        }
    })
}

/// The property in the schema, and the field with its value.
fn parameter(field: &Field) -> Result<(TokenStream, TokenStream)> {
    let (mut default, mut minimum, mut maximum) = (None, None, None);
    for attribute in &field.attrs {
        if !attribute.path().is_ident("parameter") {
            continue;
        }
        attribute.parse_nested_meta(|meta| {
            let target = match meta.path.get_ident().map(ToString::to_string).as_deref() {
                Some("default") => &mut default,
                Some("minimum") => &mut minimum,
                Some("maximum") => &mut maximum,
                _ => return Err(meta.error("`default`, `minimum` or `maximum`")),
            };
            *target = Some(meta.value()?.parse::<Expr>()?);
            Ok(())
        })?;
    }
    let Some(ident) = &field.ident else {
        return Err(Error::new_spanned(field, "parameters have names"));
    };
    let (name, of_type) = (camel_case(&ident.to_string()), &field.ty);
    let description = super::component::documentation(&field.attrs);
    let macros = quote!(anomal_pack::macros);
    let optional = |value: &Option<Expr>| match value {
        Some(value) => quote!(Some((#value) as f64)),
        None => quote!(None),
    };
    let (minimum, maximum) = (optional(&minimum), optional(&maximum));
    let has_default = default.is_some();
    let default = match default {
        Some(value) => quote!(Some::<#of_type>((#value).into())),
        None => quote!(None::<#of_type>),
    };
    let property = quote! {
        #macros::Property {
            name: #name,
            description: #description,
            of_type: <#of_type as #macros::ParameterValue>::TYPE,
            default: { let default = #default; default.map(|value| #macros::ParameterValue::to_json(&value)) },
            minimum: #minimum,
            maximum: #maximum,
            required: !#has_default && <#of_type as #macros::ParameterValue>::REQUIRED,
        }
    };
    Ok((property, quote!(#ident: #macros::value(values, #name, #default, (#minimum, #maximum))?)))
}

fn camel_case(name: &str) -> String {
    let mut words = name.split('_').filter(|word| !word.is_empty());
    let mut camel = words.next().unwrap_or_default().to_owned();
    for word in words {
        camel.push_str(&word[..1].to_uppercase());
        camel.push_str(&word[1..]);
    }
    camel
}
