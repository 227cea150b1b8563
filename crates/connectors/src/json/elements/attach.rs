//! Records within elements, and members from around them.

use std::io::{self, ErrorKind};

use super::{Elements, FoundRecord, Level, NO_MEMBER};
use crate::{
    json::{frame::find_member, scan::Members},
    lines::{MAX_RECORD, TOO_LONG},
};

impl Elements {
    /// The members of the object that comes next that records get. Those are looked for in up to 16 MiB of it, since they
    /// may be behind the records.
    pub(super) fn attached(&mut self, depth: usize) -> io::Result<Vec<u8>> {
        let mut attached = Vec::new();
        let above: String =
            self.frame.path[..depth].iter().flat_map(|name| [name.as_str(), "."]).collect();
        let wanted = self.frame.attach.clone().into_iter();
        let wanted = wanted.filter_map(|path| {
            let name = path.strip_prefix(&above)?.to_owned();
            (!name.contains('.')).then_some((path, name))
        });
        for (path, name) in wanted.collect::<Vec<_>>() {
            loop {
                let rest = self.lines.rest();
                let (value, complete) = find_member(rest, &name);
                if let Some(value) = value {
                    let key = serde_json::Value::from(path);
                    attached.extend_from_slice(key.to_string().as_bytes());
                    attached.push(b':');
                    attached.extend_from_slice(value);
                    attached.push(b',');
                    break;
                }
                if complete {
                    break;
                }
                if rest.len() > MAX_RECORD {
                    let why = format!(
                        "line {}: `{path}` is not among the first 16 MiB of the object around the records; leave it out of \
                         `attach`",
                        self.lines.line()
                    );
                    return Err(io::Error::new(ErrorKind::InvalidData, why));
                }
                if !self.lines.read_more()? {
                    break;
                }
            }
        }
        Ok(attached)
    }

    /// The record in an element, with the members that it gets from around it.
    pub(super) fn build(&mut self, found: FoundRecord) -> FoundRecord {
        let levels = self.stack.iter();
        let attached = levels.filter_map(|level| match level {
            Level::Object { attached, .. } if !attached.is_empty() => Some(attached.as_slice()),
            _ => None,
        });
        let attached: Vec<&[u8]> = attached.collect();
        if attached.is_empty() && self.frame.unwrap.is_none() {
            return found;
        }
        let element = self.lines.passed(found.length);
        let mut record = element;
        if let Some(name) = &self.frame.unwrap {
            let member = if element.first() == Some(&b'{') {
                Members::new(element).filter(|member| member.name == name.as_str()).last()
            } else {
                None
            };
            match member.filter(|member| member.value.first() == Some(&b'{')) {
                Some(member) => record = member.value,
                None => return FoundRecord { bad: Some(NO_MEMBER), ..found },
            }
        }
        let mut built = Vec::new();
        if record.first() == Some(&b'{') && !attached.is_empty() {
            built.push(b'{');
            attached.iter().for_each(|members| built.extend_from_slice(members));
            let rest = record[1..].trim_ascii_start();
            if rest.first() == Some(&b'}') {
                built.pop();
            }
            built.extend_from_slice(rest);
        } else {
            built.extend_from_slice(record);
        }
        let length = built.len();
        let bad = (length > MAX_RECORD).then_some(TOO_LONG);
        self.built = built;
        FoundRecord { length, built: true, bad, ..found }
    }
}
