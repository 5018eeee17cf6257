# How often each word comes: "word count", by the alphabet.
set -eu
LC_ALL=C sort "$1" | uniq -c | awk '{ print $2, $1 }'
