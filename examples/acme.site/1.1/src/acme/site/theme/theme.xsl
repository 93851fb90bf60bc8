<?xml version="1.0" encoding="UTF-8"?>
<!-- Acme's theme: the product's, with a badge in the banner, classifications, and Acme's footer. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:import href="asset:karl.intranet:theme/theme.xsl"/>

  <xsl:template match="page" mode="banner">
    <header class="banner">
      <div class="frame">
        <a class="brand" href="{site/@href}">
          <span class="acme-badge" aria-hidden="true">A</span>
          <xsl:value-of select="site/@title"/>
        </a>
        <form class="quick-search" action="{site/@search}" role="search">
          <input type="search" name="q" placeholder="Search Acme" aria-label="Search"/>
        </form>
      </div>
      <div class="acme-sections">
        <div class="frame">
          <xsl:apply-templates select="navigation" mode="navigation"/>
          <span class="tagline"><xsl:value-of select="site/@tagline"/></span>
        </div>
      </div>
    </header>
  </xsl:template>

  <xsl:template match="trail" mode="trail">
    <div class="acme-place">
      <xsl:apply-imports/>
      <xsl:apply-templates select="../classification" mode="badge"/>
    </div>
  </xsl:template>

  <xsl:template match="classification" mode="badge">
    <a class="acme-classification {@level}" href="{@href}">
      <xsl:value-of select="."/>
    </a>
  </xsl:template>

  <xsl:template match="page" mode="footer">
    <footer class="footer">
      <div class="frame">
        <strong>Acme</strong> · for Acme people only · help: extension 4711
      </div>
    </footer>
  </xsl:template>
</xsl:stylesheet>
