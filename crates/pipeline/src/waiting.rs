//! Where rows wait for their results.

use anomal_connectors::Known;
use anomal_core::{Result, Table};
use polars::prelude::{Column, DataFrame, Scalar, Schema};

use crate::{spool::Spool, writing::Writing};

pub(crate) enum Waiting {
    Spool(Spool),
    /// With the outputs, which take rows before their results.
    Outputs(AtOutputs),
}

/// What is still known of rows that the outputs have.
#[derive(Default)]
pub(crate) struct AtOutputs {
    /// Numbers alone.
    rows: Vec<Table>,
    features: Schema,
}

impl Waiting {
    /// # Errors
    /// `Output` if they can't be kept.
    pub async fn push(&mut self, known: Known, writing: &mut Writing<'_>) -> Result<()> {
        match self {
            Self::Spool(spool) => spool.push(known),
            Self::Outputs(there) => {
                there.rows.push(known.source.with_columns(DataFrame::default())?);
                if there.features.is_empty() {
                    there.features = known.features.schema().as_ref().clone();
                }
                writing.known(known).await
            }
        }
    }

    /// The rows in the order in which they came; those of the outputs have features by name alone.
    ///
    /// # Errors
    /// `Output` if they can't be read back.
    pub fn into_known(self) -> Result<Box<dyn Iterator<Item = Result<Known>> + Send>> {
        Ok(match self {
            Self::Spool(spool) => Box::new(spool.into_known()?),
            Self::Outputs(AtOutputs { rows, features }) => {
                Box::new(rows.into_iter().map(move |source| {
                    let height = source.height();
                    let by_name = features.iter().map(|(name, of)| {
                        Column::new_scalar(name.clone(), Scalar::null(of.clone()), height)
                    });
                    let features = DataFrame::new(height, by_name.collect())?;
                    Ok(Known { source, typed: DataFrame::default(), features })
                }))
            }
        })
    }
}
