//! `cubby doctor`: what was found, a line each.

#![expect(clippy::print_stdout, reason = "it speaks to a terminal")]

use cubby::{Finding, Health};

/// Prints the findings. Answers whether nothing is ill.
pub(crate) fn tell(findings: &[Finding]) -> bool {
    for finding in findings {
        let state = match finding.state {
            Health::Well => "ok",
            Health::Doubtful => "look",
            Health::Ill => "wrong",
        };
        println!("{state:7}{:18}{}", finding.what, finding.says);
    }
    findings.iter().all(|finding| finding.state != Health::Ill)
}
