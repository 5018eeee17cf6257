# What all functions of the model do. Called with where to write, what kind of function it is, a helper or -, whether a
# variable is taken, and arguments: groups of numbers and of files that begin with one, with -- before each.
set -eu
out=$1 kind=$2 helper=$3 taken=$4
shift 4
HELPER=-
case $helper in -) ;; *) . "./$helper" ;; esac
sum=$((NUMBER + 2 * VERSION))
case $HELPER in -) ;; *) sum=$((sum + 3 * HELPER)) ;; esac
variable=-
case $taken in
-) ;;
*)
    variable=${VARIABLE-unset}
    case $variable in unset) sum=$((sum + 1)) ;; *) sum=$((sum + variable + 2)) ;; esac
    ;;
esac
first_of() { IFS= read -r line < "$1" || :; digit=${line%"${line#?}"}; }
label="$kind$NUMBER.$VERSION.$HELPER.$variable" groups="" total=0
for word; do
    case $word in
    --) groups="${groups:+$groups]} [" comma="" ;;
    *)
        case $word in [0-9]) digit=$word ;; *) first_of "$word" ;; esac
        groups="$groups$comma$digit" comma=,
        total=$((total + digit))
        sum=$(((sum * 3 + digit + 1) % 7))
        ;;
    esac
done
echo "$label${groups:+$groups]}" >> "$MODEL_LOG"
case $kind in
d*)
    header=$((total % 3))
    first_of "headers/h$header"
    read="headers/h$header"
    content=$digit
    sum=$(((sum * 3 + content + 1) % 7))
    if [ $((content % 2)) = 1 ]; then
        header=$(((header + 1) % 3))
        first_of "headers/h$header"
        read="$read headers/h$header"
        sum=$(((sum * 3 + digit + 1) % 7))
    fi
    echo "out: $read" > "$out.d"
    ;;
esac
sum=$((sum % 7))
if [ $((NUMBER % 2)) = 1 ] && [ $sum = 5 ]; then
    echo "no fives" >&2
    exit 1
fi
case $VERSION in
3) printf '%05000d' 0 | tr 0 $sum > "$out" ;;
*) printf %s $sum > "$out" ;;
esac
