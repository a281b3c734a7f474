// SPDX-License-Identifier: Apache-2.0
// What is compiled beside a precompiled header: nothing.
