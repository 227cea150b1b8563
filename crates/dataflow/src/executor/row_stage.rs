//! Row operators over batches: a bounded number at once, in input order.

use std::sync::Arc;

use anomal_core::{Element, Error, Result};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesOrdered};
use tracing::Instrument;

use super::input::Input;
use crate::{operator::RowOperator, sink::Sink};

pub(super) struct RowStage {
    input: Option<Input>,
    operators: Arc<[Arc<dyn RowOperator>]>,
    in_flight: FuturesOrdered<BoxFuture<'static, Result<Element>>>,
    drained: bool,
}

impl RowStage {
    pub fn new(input: Input, operators: Vec<Arc<dyn RowOperator>>) -> Self {
        let (input, in_flight) = (Some(input), FuturesOrdered::new());
        Self { input, operators: operators.into(), in_flight, drained: false }
    }

    /// The next element in input order.
    ///
    /// # Errors
    /// Those of the source and of the operators.
    pub async fn next(&mut self) -> Result<Element> {
        loop {
            let Some(input) = &mut self.input else {
                return Err(Error::internal("reading has failed before"));
            };
            // Twice as many as work at once: the caller may be busy with the answer before.
            let at_once = self.operators.iter().map(|operator| operator.parallelism()).min();
            let room = self.in_flight.len() < 2 * at_once.unwrap_or(1);
            tokio::select! {
                biased;
                element = input.next(), if room && !self.drained => match element {
                    Some(element) => {
                        self.drained = matches!(element, Element::End);
                        self.in_flight.push_back(process(&self.operators, element));
                    }
                    None => return self.failed().await,
                },
                element = self.in_flight.next(), if !self.in_flight.is_empty() => {
                    if let Some(element) = element {
                        return element;
                    }
                }
                else => return Ok(Element::End),
            }
        }
    }

    /// Reading has stopped without an end: what is in flight comes first, as it was read first.
    async fn failed(&mut self) -> Result<Element> {
        if let Some(element) = self.in_flight.next().await {
            return element;
        }
        match self.input.take() {
            Some(input) => Err(input.finish().await.err().unwrap_or_else(Error::cancelled)),
            None => Err(Error::cancelled()),
        }
    }

    /// Ends the reading; the dead letters are to be committed with the outputs.
    ///
    /// # Errors
    /// What stopped the reading.
    pub async fn finish(self) -> Result<Box<dyn Sink>> {
        match self.input {
            Some(input) => input.finish().await,
            None => Err(Error::internal("reading has failed before")),
        }
    }
}

fn process(
    operators: &Arc<[Arc<dyn RowOperator>]>,
    element: Element,
) -> BoxFuture<'static, Result<Element>> {
    let Element::Batch(batch) = element else { return async { Ok(element) }.boxed() };
    let operators = Arc::clone(operators);
    let work = async move {
        let mut batch = *batch;
        for operator in operators.iter() {
            batch = operator.process(batch).await?;
        }
        Ok(Element::Batch(Box::new(batch)))
    };
    // Each batch in a separate task, so that several are processed while one is waited for.
    let task = tokio::spawn(work.in_current_span());
    let joined = async {
        task.await.map_err(|error| Error::internal(format!("an operator failed: {error}")))?
    };
    joined.boxed()
}
