//! Changes to parsed expressions, so that Polars computes what SQL means, with the same bits on any machine.

use std::ops::ControlFlow;

use polars::prelude::{Column, Expr, Field, FunctionExpr, IntoColumn, PolarsResult, Series};
use sqlparser::ast::{
    BinaryOperator, CastKind, DataType, DollarQuotedString, Expr as Sql, Function, FunctionArg,
    FunctionArgExpr, FunctionArguments, Ident, Value, WindowSpec, WindowType,
    visit_expressions_mut,
};

/// Integers of other types than the columns' wrap around (`length(s) - 10`, `date_part('minute', t) * 10`), and Polars
/// panics in some functions of the smallest. Functions with such values are cast to Int64.
const SMALL_INTEGERS: &[&str] = &[
    "char_length",
    "character_length",
    "count",
    "date_part",
    "dense_rank",
    "length",
    "octet_length",
    "rank",
    "row_number",
    "strpos",
];

/// Quotes column names: `a.b` without quotes is the column of that name, if it exists. Makes sums independent of the
/// number of threads, and all integers Int64.
pub fn rewrite(ast: &mut Sql, known: &[&str]) {
    // Parts of an expression come before it.
    let _: ControlFlow<()> = visit_expressions_mut(ast, |expr| {
        match expr {
            Sql::CompoundIdentifier(parts) => {
                let name =
                    parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
                if known.contains(&name.as_str()) {
                    *expr = Sql::Identifier(Ident::with_quote('"', name));
                }
            }
            // Quoted, so that a keyword can be a column.
            Sql::Identifier(name) if name.quote_style.is_none() => name.quote_style = Some('"'),
            Sql::Function(function) => {
                sum_in_order(function);
                let name = function.name.to_string().to_lowercase();
                if SMALL_INTEGERS.contains(&name.as_str()) {
                    cast_to_bigint(expr);
                }
            }
            Sql::Value(literal) => quote_exactly(&mut literal.value),
            Sql::Extract { .. } | Sql::Position { .. } => cast_to_bigint(expr),
            Sql::Cast { data_type, .. } if is_small_integer(data_type) => cast_to_bigint(expr),
            _ => {}
        }
        ControlFlow::Continue(())
    });
}

/// Texts that sqlparser would write as another text, since it takes two quotes, or a backslash and a quote, for an escape:
/// they are written between dollars, in which nothing is an escape.
fn quote_exactly(literal: &mut Value) {
    let Value::SingleQuotedString(text) = literal else { return };
    if !text.contains("''") && !text.contains("\\'") {
        return;
    }
    let mut tag = "t".to_owned();
    while text.contains(&format!("${tag}$")) {
        tag.push('t');
    }
    let value = std::mem::take(text);
    *literal = Value::DollarQuotedString(DollarQuotedString { value, tag: Some(tag) });
}

fn cast_to_bigint(expr: &mut Sql) {
    let value = std::mem::replace(expr, Sql::Value(Value::Null.into()));
    *expr = Sql::Cast {
        kind: CastKind::Cast,
        expr: Box::new(value),
        data_type: DataType::BigInt(None),
        array: false,
        format: None,
    };
}

/// Whether a type is an integer other than Int64.
fn is_small_integer(data_type: &DataType) -> bool {
    let name = data_type.to_string().to_uppercase();
    name.contains("INT") && !name.contains("INTERVAL") && name != "BIGINT"
}

/// Rewrites a sum over the whole table to one over a single group. Polars adds a group from its first row to its
/// last, but splits a table into one part for each thread, which changes the last bits.
fn sum_in_order(function: &mut Function) {
    let FunctionArguments::List(list) = &function.args else { return };
    let [FunctionArg::Unnamed(FunctionArgExpr::Expr(summed))] = list.args.as_slice() else {
        return;
    };
    if function.over.is_some() || !function.name.to_string().eq_ignore_ascii_case("sum") {
        return;
    }
    let operand = |test: fn(Box<Sql>) -> Sql| Box::new(test(Box::new(summed.clone())));
    let always = Sql::BinaryOp {
        left: operand(Sql::IsNull),
        op: BinaryOperator::Or,
        right: operand(Sql::IsNotNull),
    };
    function.over = Some(WindowType::WindowSpec(WindowSpec {
        window_name: None,
        partition_by: vec![always],
        order_by: Vec::new(),
        window_frame: None,
    }));
}

/// Takes NaN as missing in the arguments of LEAST and GREATEST. Polars orders it in one way in columns with missing values
/// and in another in those without, so that the value of a row would depend on the other rows of its batch.
pub fn order_without_nan(expr: Expr) -> Expr {
    use FunctionExpr::{MaxHorizontal, MinHorizontal};
    expr.map_expr(|expr| match expr {
        Expr::Function { input, function: function @ (MinHorizontal | MaxHorizontal) } => {
            let input = input.into_iter().map(|value| match value {
                Expr::Literal(_) => value,
                value => value.map(nan_as_missing, |_, field| {
                    let data_type = field.dtype().clone().materialize_unknown(true)?;
                    Ok(Field::new(field.name().clone(), data_type))
                }),
            });
            Expr::Function { input: input.collect(), function }
        }
        other => other,
    })
}

fn nan_as_missing(column: Column) -> PolarsResult<Column> {
    if !column.dtype().is_float() {
        return Ok(column);
    }
    let values = column.as_materialized_series();
    let missing = Series::full_null(values.name().clone(), values.len(), values.dtype());
    Ok(values.zip_with(&values.is_not_nan()?, &missing)?.into_column())
}
