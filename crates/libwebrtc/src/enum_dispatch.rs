/// Writes methods of an enum that call the same method of the current variant: `enum_dispatch!([A, B]; pub fn id(self:
/// &Self) -> String;);`
#[macro_export]
macro_rules! enum_dispatch {
    // Methods are written one by one; the variants and arguments each pass as one token tree, because two repetitions
    // cannot nest in one another.
    ($variants:tt; $($vis:vis fn $name:ident $args:tt -> $ret:ty;)+) => {
        $($crate::enum_dispatch!(@method $variants $vis $name $args $ret);)+
    };
    (@method $variants:tt $vis:vis $name:ident
        ($this:ident: $this_ty:ty $(, $arg:ident: $arg_ty:ty)*) $ret:ty) => {
        #[allow(missing_docs)]
        #[inline]
        $vis fn $name($this: $this_ty $(, $arg: $arg_ty)*) -> $ret {
            $crate::enum_dispatch!(@match $variants $this $name ($($arg),*))
        }
    };
    (@match [$($variant:ident),+] $this:ident $name:ident $args:tt) => {
        match $this {
            $(Self::$variant(inner) => inner.$name $args,)+
        }
    };
}
