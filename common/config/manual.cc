// SPDX-License-Identifier: Apache-2.0
#include "common/config/manual.h"

#include "common/config/schema.h"

namespace isthmus::config {

namespace {

std::string default_of(const Key& k) {
    const Config defaults;
    if (k.type == Key::Type::text) return "\"" + k.get_text(defaults) + "\"";
    const std::int64_t v = k.get(defaults);
    if (k.type == Key::Type::boolean) return v != 0 ? "true" : "false";
    if (k.type == Key::Type::choice) return "\"" + k.choices[static_cast<std::size_t>(v)] + "\"";
    return std::to_string(v);
}

/// "From 1 to 9 seconds", "One of a, b"; empty for what needs no words.
std::string bounds_of(const Key& k) {
    if (k.type == Key::Type::number) {
        return "From " + std::to_string(k.least) + " to " + std::to_string(k.most) +
               (k.unit.empty() ? "" : " " + k.unit);
    }
    std::string out;
    for (const std::string& c : k.choices) out += (out.empty() ? "One of " : ", ") + c;
    return out;
}

std::string capital(std::string text) {
    if (!text.empty() && text[0] >= 'a' && text[0] <= 'z')
        text[0] = static_cast<char>(text[0] - 'a' + 'A');
    return text;
}

std::string about(const Key& k) {
    std::string out = capital(k.help);
    for (const std::string& more : {bounds_of(k), std::string(k.start_only ? "Start only" : "")}) {
        if (more.empty()) continue;
        out += (out.empty() ? "" : out.back() == '.' ? " " : ". ") + more;
    }
    return out.empty() || out.back() == '.' ? out : out + ".";
}

/// The sample's sections, in the order of the rows, as a tree of groups.
class Sample {
public:
    std::string text() {
        out_ =
            "# Configuration of Isthmus: every key there is. \"#key = value;\" shows a default, or "
            "for a list an\n# example; \"# words\" are comments. isthmus.conf(5) says the same. "
            "Check a change before it counts:\n#   isthmus-control --check\n\n";
        for (const char* top : {"nat64", "dataplane", "control"}) group(top, 0, "");
        out_ +=
            "# The DNS64 server: a host that has isthmus-dns64 takes the first '#' off these "
            "lines.\n";
        group("dns64", 0, "#");
        return out_;
    }

private:
    void line(int depth, const std::string& mark, const std::string& text) {
        out_ += mark + std::string(static_cast<std::size_t>(depth) * 4, ' ') + text + "\n";
    }

    /// A comment, in lines of at most 96 characters.
    void comment(int depth, const std::string& mark, const std::string& text) {
        const std::size_t width = 94 - static_cast<std::size_t>(depth) * 4;
        for (std::size_t at = 0; at < text.size();) {
            std::size_t end = text.size();
            if (end - at > width) {
                end = text.rfind(' ', at + width);
                if (end == std::string::npos || end <= at) end = text.find(' ', at);
                if (end == std::string::npos) end = text.size();
            }
            line(depth, mark, "# " + text.substr(at, end - at));
            at = end + 1;
        }
    }

    void list(const ListKey& l, int depth, const std::string& mark) {
        comment(depth, mark, l.help + (l.start_only ? " Start only." : ""));
        const std::string name = l.path.substr(l.path.rfind('.') + 1);
        // What goes over several lines brings its own indentation.
        line(depth, mark, (l.in_use ? "" : "#") + name + " = " + l.example + ";");
        out_ += mark + "\n";
    }

    void group(const std::string& section, int depth, const std::string& mark) {
        line(depth, mark, section.substr(section.rfind('.') + 1) + ": {");
        for (const ListKey& l : list_keys()) {
            if (l.path.substr(0, l.path.rfind('.')) == section) list(l, depth + 1, mark);
        }
        std::vector<std::string> below;
        for (const Key& k : schema()) {
            if (k.section == section) {
                comment(depth + 1, mark, about(k));
                line(depth + 1, mark, "#" + k.name + " = " + default_of(k) + ";");
            } else if (k.section.rfind(section + ".", 0) == 0 &&
                       (below.empty() || below.back() != k.section)) {
                below.push_back(k.section);
            }
        }
        for (const std::string& b : below) {
            out_ += mark + "\n";
            group(b, depth + 1, mark);
        }
        line(depth, mark, "};");
        if (depth == 0) out_ += "\n";
    }

    std::string out_;
};

}  // namespace

std::string manual() {
    std::string out =
        ".TH ISTHMUS.CONF 5 \"\" Isthmus \"File Formats\"\n.SH NAME\nisthmus.conf \\- "
        "configuration "
        "of Isthmus\n.SH DESCRIPTION\nOne libconfig file for all programs,\n.IR "
        "/etc/isthmus/isthmus.conf .\nUnknown keys are errors. Keys marked (start) take effect "
        "when the program starts; the others by\n.BR \"isthmusctl reload\" .\n.B isthmus-control "
        "--check\nsays what is wrong with a file,\n.B isthmus-control --print-sample\nprints one "
        "with every key.\n.SH LISTS\n";
    for (const ListKey& l : list_keys()) {
        out += ".TP\n.B " + l.path + (l.start_only ? " (start)" : "") + "\n" + l.help +
               "\n.br\nExample:\n.nf\n" + l.example + "\n.fi\n";
    }
    out += ".SH KEYS\n";
    for (const Key& k : schema()) {
        out += ".TP\n.B " + k.section + "." + k.name + (k.start_only ? " (start)" : "") + "\n" +
               capital(k.help);
        if (const std::string b = bounds_of(k); !b.empty()) out += "\n.br\n" + b + ".";
        out += "\n.br\nDefault: " + default_of(k) + "\n";
    }
    return out +
           ".SH SEE ALSO\n.BR isthmus-control (8),\n.BR isthmus-dataplane (8),\n.BR isthmus-dns64 "
           "(8),\n.BR isthmusctl (8),\n.BR isthmus-setup (8)\n";
}

std::string sample() { return Sample().text(); }

}  // namespace isthmus::config
