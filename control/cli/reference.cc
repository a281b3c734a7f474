// SPDX-License-Identifier: Apache-2.0
#include "control/cli/reference.h"

#include <algorithm>
#include <iostream>
#include <memory>

#include "common/stats/drop.h"
#include "control/cli/ask.h"

namespace isthmus::cli {

using args::CommandInfo;
using args::OptionInfo;

namespace {

/// What may follow a command: its commands, its options and the program's.
std::vector<OptionInfo> next_words(const std::vector<CommandInfo>& table, const CommandInfo& c) {
    std::vector<OptionInfo> out;
    for (const CommandInfo& d : table) {
        if (d.words.size() != c.words.size() + 1 ||
            !std::equal(c.words.begin(), c.words.end(), d.words.begin()))
            continue;
        OptionInfo o;
        o.name = d.words.back();
        o.help = d.help;
        out.push_back(o);
    }
    for (const OptionInfo& o : c.options) {
        if (!o.positional) out.push_back(o);
        if (!o.positional) continue;
        for (const std::string& v : o.values) {
            OptionInfo word;
            word.name = v;
            word.help = o.help;
            out.push_back(word);
        }
    }
    if (c.words.empty()) return out;
    for (const OptionInfo& o : table.front().options) {
        if (o.name != "--version" && !o.name.starts_with("--print-")) out.push_back(o);
    }
    return out;
}

std::string escaped(std::string text, const std::string& what, const std::string& with) {
    for (std::size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += with.size())
        text.replace(at, what.size(), with);
    return text;
}

/// The shell's cases that find the command among the words of a line.
std::string path_cases(const std::vector<CommandInfo>& table, const char* indent) {
    std::string out;
    for (const CommandInfo& c : table) {
        if (c.words.empty()) continue;
        std::string before;
        for (std::size_t i = 0; i + 1 < c.words.size(); i++) before += c.words[i] + "/";
        out += std::string(indent) + "\"" + before + " " + c.words.back() + "\") at=" + c.path() +
               "/ ;;\n";
    }
    return out;
}

}  // namespace

std::string bash_completion(const std::vector<CommandInfo>& table) {
    std::string out =
        "# bash completion of isthmusctl, made by: isthmusctl completion bash\n"
        "_isthmusctl() {\n"
        "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} at= i\n"
        "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "        case \"$at ${COMP_WORDS[i]}\" in\n" +
        path_cases(table, "            ") +
        "        esac\n"
        "    done\n"
        "    local words=\n"
        "    case \"$at $prev\" in\n";
    std::string files = "            ";
    for (const CommandInfo& c : table) {
        const std::string at = c.words.empty() ? "*" : c.path() + "/";
        for (const OptionInfo& o : c.options) {
            if (o.positional || !o.takes_value) continue;
            std::string words;
            for (const std::string& v : o.values) words += (words.empty() ? "" : " ") + v;
            const bool file =
                o.name == "--write" || o.name == "--socket" || o.name == "--dns64-socket";
            out += "        " + (at == "*" ? std::string("*") : "\"" + at + "\"") + "\" " + o.name +
                   "\") ";
            out += file ? "COMPREPLY=($(compgen -f -- \"$cur\")); return ;;\n"
                        : "COMPREPLY=($(compgen -W \"" + words + "\" -- \"$cur\")); return ;;\n";
        }
    }
    out += "    esac\n    case \"$at\" in\n";
    for (const CommandInfo& c : table) {
        std::string words;
        for (const OptionInfo& o : next_words(table, c))
            words += (words.empty() ? "" : " ") + o.name;
        out += "        \"" + (c.words.empty() ? "" : c.path() + "/") + "\") words=\"" + words +
               "\" ;;\n";
    }
    out +=
        "    esac\n"
        "    COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
        "}\n"
        "complete -F _isthmusctl isthmusctl\n";
    return out;
}

std::string zsh_completion(const std::vector<CommandInfo>& table) {
    std::string out =
        "#compdef isthmusctl\n"
        "# zsh completion of isthmusctl, made by: isthmusctl completion zsh\n"
        "_isthmusctl() {\n"
        "    local at= i\n"
        "    local -a next\n"
        "    for ((i = 2; i < CURRENT; i++)); do\n"
        "        case \"$at ${words[i]}\" in\n" +
        path_cases(table, "            ") +
        "        esac\n"
        "    done\n"
        "    case \"$at ${words[CURRENT-1]}\" in\n";
    for (const CommandInfo& c : table) {
        const std::string at = c.words.empty() ? "*" : "\"" + c.path() + "/\"";
        for (const OptionInfo& o : c.options) {
            if (o.positional || !o.takes_value) continue;
            std::string words;
            for (const std::string& v : o.values) words += " " + v;
            const bool file =
                o.name == "--write" || o.name == "--socket" || o.name == "--dns64-socket";
            out += "        " + at + "\" " + o.name + "\") " +
                   (file ? "_files" : "compadd --" + words) + "; return ;;\n";
        }
    }
    out += "    esac\n    case \"$at\" in\n";
    for (const CommandInfo& c : table) {
        out += "        \"" + (c.words.empty() ? "" : c.path() + "/") + "\") next=(";
        for (const OptionInfo& o : next_words(table, c))
            out += "\n            '" + o.name + ":" + escaped(o.help, "'", "'\\''") + "'";
        out += ") ;;\n";
    }
    out +=
        "    esac\n"
        "    _describe -o isthmusctl next\n"
        "}\n"
        "if [ \"$funcstack[1]\" = _isthmusctl ]; then _isthmusctl \"$@\"; else compdef _isthmusctl "
        "isthmusctl; fi\n";
    return out;
}

namespace {

std::string roff(const std::string& text) {
    std::string out = escaped(escaped(text, "\\", "\\e"), "-", "\\-");
    // A line that begins with a dot or a quote would be an order.
    if (!out.empty() && (out[0] == '.' || out[0] == '\'')) out = "\\&" + out;
    return escaped(escaped(out, "\n.", "\n\\&."), "\n'", "\n\\&'");
}

std::string option_roff(const OptionInfo& o) {
    std::string out = ".TP\n\\fB" + roff(o.name) + "\\fR";
    if (o.takes_value && !o.positional) {
        std::string values;
        for (const std::string& v : o.values) values += (values.empty() ? "" : "|") + v;
        out += " \\fI" + (values.empty() ? "VALUE" : roff(values)) + "\\fR";
    }
    out += "\n" + roff(o.help);
    if (!o.otherwise.empty()) out += " (\\fB" + roff(o.otherwise) + "\\fR when it is not given)";
    return out + ".\n";
}

constexpr const char* kManualEnd =
    ".SH OUTPUT\n"
    "Tables and texts are for people and may change. With \\fB\\-\\-json\\fR the answer of the "
    "program's\n"
    "socket is printed as it is: one document, or one object a line for lists without end\n"
    "(bindings, sessions, trace, dns64 cache). Errors go to standard error.\n"
    ".SH EXIT STATUS\n"
    ".TP\n0\ndone\n"
    ".TP\n1\nrefused: what was asked cannot be done, or there is no such thing; nothing was "
    "changed\n"
    ".TP\n2\nthe command line makes no sense\n"
    ".TP\n3\nno isthmus\\-control on the socket; of the dns64 commands: no isthmus\\-dns64\n"
    ".TP\n4\nnot allowed for this user (see read_group and admin_group in isthmus.conf(5))\n"
    ".TP\n5\nisthmus\\-control is there, the dataplane is not\n"
    ".SH FILES\n"
    "/run/isthmus/control/control.sock, /run/isthmus/dns64/dns64.sock\n"
    ".SH SEE ALSO\n"
    "isthmus.conf(5), isthmus\\-drops(7), isthmus\\-control(8)\n";

}  // namespace

std::string manual(const std::vector<CommandInfo>& table) {
    std::string out =
        ".\\\" Made by isthmusctl --print-manual from the commands themselves.\n"
        ".TH ISTHMUSCTL 8 \"\" \"Isthmus " ISTHMUS_VERSION
        "\" \"Isthmus\"\n"
        ".SH NAME\nisthmusctl \\- look at and change a running Isthmus\n"
        ".SH SYNOPSIS\n.B isthmusctl\n[\\fIOPTION\\fR]... \\fICOMMAND\\fR [\\fIARGUMENT\\fR]...\n"
        ".SH OPTIONS\nThese may stand anywhere.\n";
    for (const OptionInfo& o : table.front().options) out += option_roff(o);
    out += ".SH COMMANDS\n";
    for (const CommandInfo& c : table) {
        if (c.words.empty() || c.has_commands) continue;
        std::string line;
        for (const std::string& w : c.words) line += (line.empty() ? "" : " ") + w;
        for (const OptionInfo& o : c.options) {
            if (o.positional) line += o.required ? " " + o.name : " [" + o.name + "]";
        }
        out += ".SS " + roff(line) + "\n" + roff(c.help) + ".\n";
        for (const OptionInfo& o : c.options) out += option_roff(o);
        if (!c.notes.empty()) out += ".PP\n" + roff(c.notes) + "\n";
    }
    return out + kManualEnd;
}

std::string drops_manual() {
    std::string out =
        ".\\\" Made by isthmusctl --print-drops from the table that the dataplane counts by.\n"
        ".TH ISTHMUS\\-DROPS 7 \"\" \"Isthmus " ISTHMUS_VERSION
        "\" \"Isthmus\"\n"
        ".SH NAME\nisthmus\\-drops \\- why the Isthmus dataplane drops a packet\n"
        ".SH DESCRIPTION\n"
        "Each packet that is not forwarded is counted under one of these reasons:\n"
        ".B isthmusctl show drops\n(\\-\\-all: those that never occurred too) and the metric\n"
        ".B isthmus_dropped_packets_total\nhave the counters;\n"
        ".B isthmusctl show dropped\nthe last packets of each reason;\n"
        ".B isthmusctl trace \\-\\-drop REASON\nand\n.B capture \\-\\-drop REASON\n"
        "what comes from now on. In brackets the clause that asks for it.\n"
        ".SH REASONS\n";
    for (const DropInfo& d : kDrops) {
        if (d.id == Drop::none) continue;
        out += ".TP\n.B " + roff(std::string(d.name)) + "\n" + roff(std::string(d.help)) + " [" +
               roff(std::string(d.source)) + "]\n";
    }
    return out + ".SH SEE ALSO\nisthmusctl(8), isthmus.conf(5)\n";
}

void add_reference_commands(args::Command& app, int& rc) {
    app.add_action(
        "--print-manual", [&app] { std::cout << manual(app.table()); },
        "print isthmusctl(8) and exit");
    app.add_action(
        "--print-drops", [] { std::cout << drops_manual(); }, "print isthmus-drops(7) and exit");
    const auto shell = std::make_shared<std::string>();
    auto* c = app.add_subcommand("completion", "print the completion for a shell");
    c->fallthrough();
    c->footer(
        "bash: isthmusctl completion bash > /etc/bash_completion.d/isthmusctl\n"
        "zsh: isthmusctl completion zsh > /usr/local/share/zsh/site-functions/_isthmusctl");
    c->add_option("shell", *shell, "bash or zsh")->required()->one_of({"bash", "zsh"});
    c->callback([&app, &rc, shell] {
        const auto table = app.table();
        std::cout << (*shell == "bash" ? bash_completion(table) : zsh_completion(table));
        rc = kDone;
    });
}

}  // namespace isthmus::cli
