<?xml version="1.0" encoding="UTF-8"?>
<!-- The product's theme. A customer's theme imports it and overrides, by mode,
     the parts that differ: head, banner, navigation, trail, aside, footer. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:output method="html" encoding="UTF-8"/>

  <xsl:template match="/page">
    <html lang="en">
      <head>
        <meta charset="utf-8"/>
        <meta name="viewport" content="width=device-width, initial-scale=1"/>
        <title>
          <xsl:value-of select="@title"/>
          <xsl:text> · </xsl:text>
          <xsl:value-of select="site/@title"/>
        </title>
        <xsl:for-each select="stylesheet">
          <link rel="stylesheet" href="{@href}"/>
        </xsl:for-each>
        <xsl:apply-templates select="." mode="head"/>
      </head>
      <body class="kind-{@kind}">
        <xsl:apply-templates select="." mode="banner"/>
        <div class="frame">
          <xsl:apply-templates select="trail[item]" mode="trail"/>
          <main>
            <header class="heading">
              <h1><xsl:value-of select="@title"/></h1>
              <xsl:apply-templates select="actions[item]" mode="actions"/>
            </header>
            <xsl:apply-templates select="content/node()" mode="content"/>
          </main>
          <xsl:apply-templates select="." mode="aside"/>
        </div>
        <xsl:apply-templates select="." mode="footer"/>
      </body>
    </html>
  </xsl:template>

  <xsl:template match="page" mode="head"/>

  <xsl:template match="page" mode="banner">
    <header class="banner">
      <div class="frame">
        <a class="brand" href="{site/@href}"><xsl:value-of select="site/@title"/></a>
        <span class="tagline"><xsl:value-of select="site/@tagline"/></span>
        <xsl:apply-templates select="navigation" mode="navigation"/>
        <form class="quick-search" action="{site/@search}" role="search">
          <input type="search" name="q" placeholder="Search" aria-label="Search"/>
        </form>
      </div>
    </header>
  </xsl:template>

  <xsl:template match="navigation" mode="navigation">
    <nav class="sections" aria-label="Sections">
      <xsl:for-each select="item">
        <a href="{@href}">
          <xsl:if test="@current">
            <xsl:attribute name="aria-current">true</xsl:attribute>
          </xsl:if>
          <xsl:value-of select="."/>
        </a>
      </xsl:for-each>
    </nav>
  </xsl:template>

  <xsl:template match="trail" mode="trail">
    <nav class="trail" aria-label="You are here">
      <xsl:for-each select="item">
        <a href="{@href}"><xsl:value-of select="."/></a>
        <span aria-hidden="true"> › </span>
      </xsl:for-each>
      <span><xsl:value-of select="../@title"/></span>
    </nav>
  </xsl:template>

  <xsl:template match="actions" mode="actions">
    <p class="actions">
      <xsl:for-each select="item">
        <a class="button" href="{@href}"><xsl:value-of select="."/></a>
      </xsl:for-each>
    </p>
  </xsl:template>

  <xsl:template match="page" mode="aside"/>

  <xsl:template match="page" mode="footer">
    <footer class="footer">
      <div class="frame">
        <xsl:value-of select="site/@title"/>
      </div>
    </footer>
  </xsl:template>

  <!-- Content is HTML already. -->
  <xsl:template match="@*|node()" mode="content">
    <xsl:copy>
      <xsl:apply-templates select="@*|node()" mode="content"/>
    </xsl:copy>
  </xsl:template>
</xsl:stylesheet>
