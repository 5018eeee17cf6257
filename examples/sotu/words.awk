# The words of a text, one a line: small letters, with apostrophes and hyphens only inside.
{
    line = tolower($0)
    gsub(/[^a-z'-]+/, " ", line)
    count = split(line, words, " ")
    for (i = 1; i <= count; i++) {
        word = words[i]
        gsub(/^['-]+|['-]+$/, "", word)
        sub(/'s$/, "", word)
        if (word != "") print word
    }
}
