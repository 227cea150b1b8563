//! Logins in the formats of programs that report them.

use std::io::{Result, Write};

use serde_json::{Value, json};

use super::{super::random::mix, Login};

const HEADER: &str = "@timestamp,source.ip,user.name,event.outcome,label";

pub fn csv(logins: &[Login], output: &mut impl Write) -> Result<()> {
    writeln!(output, "{HEADER}")?;
    for login in logins {
        writeln!(output, "{},{}", login.timestamp(), login.cells())?;
    }
    Ok(())
}

/// An array, an event in each line.
pub fn windows(logins: &[Login], output: &mut impl Write) -> Result<()> {
    writeln!(output, "[")?;
    write_items(logins, event, output)?;
    writeln!(output, "]")
}

/// An object with the array `Records`, a record in each line.
pub fn cloudtrail(logins: &[Login], output: &mut impl Write) -> Result<()> {
    writeln!(output, "{{\"Records\": [")?;
    write_items(logins, record, output)?;
    writeln!(output, "]}}")
}

fn write_items(
    logins: &[Login],
    item: fn(&Login, u64) -> Value,
    output: &mut impl Write,
) -> Result<()> {
    for (row, login) in (1..).zip(logins) {
        let comma = if row < logins.len() as u64 { "," } else { "" };
        writeln!(output, "{}{comma}", item(login, row))?;
    }
    Ok(())
}

fn event(login: &Login, row: u64) -> Value {
    let (code, action) =
        if login.failed { ("4625", "logon-failed") } else { ("4624", "logged-in") };
    let mut data = json!({
        "TargetUserName": login.user(),
        "TargetDomainName": "OFFICE",
        "LogonType": "3",
        "IpAddress": login.address,
        "IpPort": (49_152 + mix(row) % 16_384).to_string(),
    });
    if login.failed {
        data["Status"] = "0xc000006d".into();
        data["SubStatus"] = "0xc000006a".into();
    }
    json!({
        "@timestamp": login.timestamp(),
        "event": {
            "code": code,
            "action": action,
            "outcome": login.outcome(),
            "provider": "Microsoft-Windows-Security-Auditing",
        },
        "winlog": {
            "channel": "Security",
            "computer_name": "dc01.office.example",
            "record_id": 880_000 + row,
            "event_data": data,
        },
        "label": login.label,
    })
}

fn record(login: &Login, row: u64) -> Value {
    let result = if login.failed { "Failure" } else { "Success" };
    let mut record = json!({
        "eventVersion": "1.08",
        "userIdentity": {
            "type": "IAMUser",
            "accountId": "123456789012",
            "userName": login.user(),
        },
        "eventTime": login.timestamp(),
        "eventSource": "signin.amazonaws.com",
        "eventName": "ConsoleLogin",
        "awsRegion": "us-east-1",
        "sourceIPAddress": login.address,
        "responseElements": {"ConsoleLogin": result},
        "additionalEventData": {"MobileVersion": "No", "MFAUsed": "No"},
        "eventID": format!("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", mix(row) >> 32, mix(row) & 0xffff, row & 0xfff,
            row >> 12 & 0xfff, mix(row + 1) >> 16),
        "eventType": "AwsConsoleSignIn",
        "recipientAccountId": "123456789012",
        "label": login.label,
    });
    if login.failed {
        record["errorMessage"] = "Failed authentication".into();
    }
    record
}
