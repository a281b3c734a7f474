#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The stories of test/stories, which the unit suite tells to the rules alone, told to the program: over UDP and
# over TCP, by a resolver and a client that are not ours.
# shellcheck source=test/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
lab_begin
lab_ns dns
out=$(py dns dns_stories "$top"/test/stories/*.story) || fail "$out"
expect_match "all stories" "^[0-9]{3} stories, [0-9]{3} questions, 0 stories failed" "$out"
