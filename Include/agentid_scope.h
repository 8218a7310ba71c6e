/*
 * libagentid: scopes, and chains as documents.
 *
 * The conventions of agentid.h hold here.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef AGENTID_SCOPE_H
#define AGENTID_SCOPE_H

#include "agentid_base.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---------------------------------------------------------------------------------------------------------- Scope */

/*
 * Reads a scope.
 * Args:
 *   text   text form, e.g. `read_file(path under "/data"); search(query: *)`, or JSON form (an AAT `tools` object).
 *   scope  out: to be freed with agentid_scope_free().
 * Returns: AGENTID_OK; AGENTID_E_SCOPE with the position at fault.
 */
agentid_status agentid_scope_parse(const char *text, size_t text_len, agentid_scope **scope,
                                   agentid_error **error) AGENTID_MUST_CHECK;

/* Frees a scope. */
void agentid_scope_free(agentid_scope *scope);

/*
 * The scope in text form; reads back as the same scope.
 * Args: text  out: UTF-8.
 * Returns: AGENTID_OK; AGENTID_E_HANDLE.
 */
agentid_status agentid_scope_text(const agentid_scope *scope, agentid_bytes *text,
                                  agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The scope in JSON form, an AAT `tools` object; reads back as the same scope.
 * Args: json  out: JSON.
 * Returns: AGENTID_OK; AGENTID_E_HANDLE.
 */
agentid_status agentid_scope_json(const agentid_scope *scope, agentid_bytes *json,
                                  agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The scope in words, a line for each tool and argument.
 * Args: text  out: UTF-8.
 * Returns: AGENTID_OK; AGENTID_E_HANDLE.
 */
agentid_status agentid_scope_explain(const agentid_scope *scope, agentid_bytes *text,
                                     agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Whether a scope permits a call.
 * Args:
 *   tool       the tool's name, exactly.
 *   arguments  a JSON object.
 * Returns: AGENTID_OK or AGENTID_DENIED; the error names the first argument at fault.
 */
agentid_status agentid_scope_permits(const agentid_scope *scope, const char *tool, size_t tool_len,
                                     const char *arguments, size_t arguments_len,
                                     agentid_error **error) AGENTID_MUST_CHECK;

/*
 * Whether `child` is provably below `parent` (AAT section 4.5).
 * Args: child  the scope that may be below.
 * Returns: AGENTID_OK or AGENTID_DENIED; the error names tool and argument.
 */
agentid_status agentid_scope_subsumes(const agentid_scope *parent, const agentid_scope *child,
                                      agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The intersection of two scopes.
 * Args:
 *   b     the other scope.
 *   meet  out: to be freed with agentid_scope_free().
 * Returns: AGENTID_OK; AGENTID_E_SCOPE if it is empty: the error names tool and argument.
 */
agentid_status agentid_scope_meet(const agentid_scope *a, const agentid_scope *b, agentid_scope **meet,
                                  agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The part of a ceiling that a person's own words name: an argument with a pin may only have values of its kind that stand
 * in the prompt, or that names there stand for in the directory; a tool whose destination is not named is left out. No
 * model: the same words give the same scope. It is always below the ceiling. See docs/scopes.md.
 * Args:
 *   ceiling      the largest scope.
 *   prompt       what the person asked for, in their own words and nobody else's; at most 64 KiB.
 *   pins         JSON: which arguments of the ceiling's tools reach something, docs/schemas/task-pins.json.
 *   directory    JSON: lists of names with what they stand for, docs/schemas/task-directory.json; empty for none.
 *   scope        out: to be freed with agentid_scope_free().
 *   explanation  out, may be NULL: what was pinned to what, and why: docs/schemas/task-scope.json.
 * Returns: AGENTID_OK; AGENTID_E_SCOPE with tool and argument at fault; AGENTID_E_MALFORMED, AGENTID_E_LIMIT.
 */
agentid_status agentid_scope_for_task(const agentid_scope *ceiling, const char *prompt, size_t prompt_len,
                                      const char *pins, size_t pins_len, const char *directory, size_t directory_len,
                                      agentid_scope **scope, agentid_bytes *explanation,
                                      agentid_error **error) AGENTID_MUST_CHECK;

/* ---------------------------------------------------------------------------------------------------------- Chain */

/*
 * Decodes a chain for people and tools, WITHOUT verifying anything: never base a decision on it.
 * Args: document  out: JSON: {"verified":false,"links":[{header, claims, scope, size}...]}.
 * Returns: AGENTID_OK; AGENTID_E_MALFORMED.
 */
agentid_status agentid_chain_decode(const char *chain, size_t chain_len, agentid_bytes *document,
                                    agentid_error **error) AGENTID_MUST_CHECK;

/*
 * The reference of a chain: "sha-256=" and the SHA-256 of its leaf's signing input, base64url (`aat_hash` in proofs). The
 * leaf names its parent by `par_hash`, and so on, so the reference stands for the whole chain. A guard that has verified
 * the chain accepts the reference in its place and checks it as if it had come whole. The chain is read, not verified.
 * Args:
 *   chain      grants joined by '~'.
 *   reference  out: 51 characters.
 * Returns: AGENTID_OK; AGENTID_E_MALFORMED; AGENTID_E_LIMIT over 256 KiB.
 */
agentid_status agentid_chain_reference(const char *chain, size_t chain_len, agentid_bytes *reference,
                                       agentid_error **error) AGENTID_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
