// Package identity judges the numbers and names that stand on Chinese papers:
// unified social credit codes, registration numbers, identity numbers, permits,
// telephone numbers, names of entities and persons; it counts working days.
//
// Everything here is a pure function. A validator is chosen by the field that
// a number stands in, never by the look of the number: an all-digit credit
// code that begins with 9 also passes for a foreign resident's card. Input is
// normalised (NFKC, blanks and invisible characters removed, upper case) but
// never repaired: a character that was probably mistyped is answered with a
// [Hint].
package identity
