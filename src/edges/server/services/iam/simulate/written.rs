//! A result of a simulation as XML.

use crate::edges::server::services::query::Xml;
use crate::simulate::wire::{BoundaryDetail, DecisionDetails, EvaluationResult, MatchedStatement, Position};

/// Writes one `EvaluationResult`.
pub(super) fn result(xml: &mut Xml, result: &EvaluationResult) {
    xml.text("EvalActionName", &result.eval_action_name);
    xml.text("EvalResourceName", &result.eval_resource_name);
    xml.text("EvalDecision", result.eval_decision);
    matched(xml, &result.matched_statements);
    xml.strings("MissingContextValues", &result.missing_context_values);
    if let Some(detail) = &result.organizations_decision_detail {
        xml.inside("OrganizationsDecisionDetail", |xml| {
            xml.text("AllowedByOrganizations", detail.allowed_by_organizations.to_string());
        });
    }
    boundary(xml, result.permissions_boundary_decision_detail.as_ref());
    details(xml, result.eval_decision_details.as_ref());
    if !result.resource_specific_results.is_empty() {
        xml.members("ResourceSpecificResults", &result.resource_specific_results, |xml, of| {
            xml.text("EvalResourceName", &of.eval_resource_name);
            xml.text("EvalResourceDecision", of.eval_resource_decision);
            matched(xml, &of.matched_statements);
            xml.strings("MissingContextValues", &of.missing_context_values);
            details(xml, of.eval_decision_details.as_ref());
            boundary(xml, of.permissions_boundary_decision_detail.as_ref());
        });
    }
}

fn position(xml: &mut Xml, name: &str, at: &Position) {
    xml.inside(name, |xml| {
        xml.text("Line", at.line.to_string());
        xml.text("Column", at.column.to_string());
    });
}

fn matched(xml: &mut Xml, statements: &[MatchedStatement]) {
    xml.members("MatchedStatements", statements, |xml, statement| {
        xml.text("SourcePolicyId", &statement.source_policy_id);
        xml.text("SourcePolicyType", statement.source_policy_type);
        position(xml, "StartPosition", &statement.start_position);
        position(xml, "EndPosition", &statement.end_position);
    });
}

fn boundary(xml: &mut Xml, detail: Option<&BoundaryDetail>) {
    if let Some(detail) = detail {
        xml.inside("PermissionsBoundaryDecisionDetail", |xml| {
            xml.text("AllowedByPermissionsBoundary", detail.allowed_by_permissions_boundary.to_string());
        });
    }
}

fn details(xml: &mut Xml, details: Option<&DecisionDetails>) {
    if let Some(details) = details {
        xml.inside("EvalDecisionDetails", |xml| {
            for (source, decision) in details {
                xml.inside("entry", |xml| {
                    xml.text("key", source);
                    xml.text("value", decision);
                });
            }
        });
    }
}
